/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading what a guide's list of settings names, of which most are not among tunescope's own. */
#ifndef TUNESCOPE_GUIDE_SETTINGS_H
#define TUNESCOPE_GUIDE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct ts_guide_value {
	char scope[64];	 /* device, mount point, "nginx (4711)"; "" the whole host */
	char value[160]; /* "" there is none, and why says why */
	char why[200];
};

/*
 * The values of a sysctl, of an attribute below /sys (with * for all devices), of
 * rlimit/NAME@PROGRAM, mount/OPTION or cpufreq/NAME: one for each place, at least one, at most
 * limit.
 */
size_t ts_guide_read(const char *name, struct ts_guide_value *value, size_t limit);

/*
 * Whether this kernel takes a value; if not, why is filled in. A sysctl of network namespaces is
 * tried in a namespace made for it, which is gone afterwards (CAP_SYS_ADMIN; without it the answer
 * is yes); of a congestion control the list of those available is asked. Nothing else is tried.
 */
bool ts_guide_accepted(const char *name, const char *value, char why[200]);

#endif
