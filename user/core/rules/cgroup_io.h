/* SPDX-License-Identifier: GPL-2.0-only */
/* What is held back by the I/O limit of a cgroup is no fault of the device's settings. */
#ifndef TUNESCOPE_RULES_CGROUP_IO_H
#define TUNESCOPE_RULES_CGROUP_IO_H

#include "../rule.h"

/* Used of a limit each second, as a share of it, and watched for so many seconds. */
#define TS_CGROUP_IO_AT_LIMIT 0.85
#define TS_CGROUP_IO_WATCHED  2

/*
 * A cgroup is at its limit on a device (what: "read" or "write"); that is noted as the reason why
 * nothing else is said about the device.
 */
bool ts_cgroup_io_explains(struct ts_rule_context *context, const char *device, const char *what);

#endif
