/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_CGROUP_PATH_H
#define TUNESCOPE_CGROUP_PATH_H

/*
 * The path in /proc/PID/cgroup that the limits of a controller (its name in the first version) act
 * on: that controller's, or the unified one where there is none or it is the root. Cuts text up; ""
 * when there is neither.
 */
const char *ts_cgroup_path(char *text, const char *controller);

#endif
