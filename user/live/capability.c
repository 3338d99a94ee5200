// SPDX-License-Identifier: GPL-2.0-only
#include "capability.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "../core/error.h"

const struct ts_capability ts_capabilities[] = {
	{"CAP_BPF", CAP_BPF, true, "BPF programs and maps cannot be loaded"},
	{"CAP_PERFMON", CAP_PERFMON, true, "BPF programs cannot be attached to tracepoints"},
	{"CAP_NET_ADMIN", CAP_NET_ADMIN, false,
	 "socket memory and drops of other users' listeners are not readable"},
	{"CAP_SYS_ADMIN", CAP_SYS_ADMIN, false,
	 "network namespaces other than this one are not visited; BPF run-time statistics stay "
	 "off"},
	{"CAP_SYS_PTRACE", CAP_SYS_PTRACE, false,
	 "owners of sockets and namespaces of other users' processes are not named"},
	{"CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, false,
	 "files of other users' processes in /proc are not readable"},
};
const size_t ts_capabilities_count = sizeof ts_capabilities / sizeof ts_capabilities[0];

/* As they stood when first asked: later some of them are given up (privileges.h). */
static bool effective(int capability)
{
	static struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	static bool known;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	if (!known && syscall(SYS_capget, &header, data))
		return false;
	known = true;
	return data[capability / 32].effective & (1u << (capability % 32));
}

bool ts_capability_held(const struct ts_capability *capability)
{
	if (effective(capability->number))
		return true;
	return (capability->number == CAP_BPF || capability->number == CAP_PERFMON) &&
	       effective(CAP_SYS_ADMIN);
}

int ts_capability_check(void)
{
	char missing[128] = "";

	for (size_t i = 0; i < ts_capabilities_count; i++) {
		if (!ts_capabilities[i].essential || ts_capability_held(&ts_capabilities[i]))
			continue;
		if (*missing)
			strcat(missing, " and ");
		strcat(missing, ts_capabilities[i].name);
	}
	if (!*missing)
		return 0;
	return ts_err(-EPERM, "%s missing: run tunescope as root (for example with sudo)", missing);
}
