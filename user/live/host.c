// SPDX-License-Identifier: GPL-2.0-only
#include "host.h"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../core/arena.h"
#include "procfile.h"

void ts_host_snapshot(struct ts_snapshot *snapshot)
{
	static char boot_id[64]; /* it stays the same for as long as we run */
	struct ts_host *host = &snapshot->host;
	struct utsname names;
	struct sysinfo info;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	host->hostname = host->kernel = host->machine = host->boot_id = "";
	if (!uname(&names)) {
		host->hostname = ts_arena_strdup(snapshot->arena, names.nodename);
		host->kernel = ts_arena_strdup(snapshot->arena, names.release);
		host->machine = ts_arena_strdup(snapshot->arena, names.machine);
	}
	if (!*boot_id &&
	    ts_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id) < 0)
		*boot_id = '\0';
	host->boot_id = ts_arena_strdup(snapshot->arena, boot_id);
	host->cpus = cpus > 0 ? (unsigned int)cpus : 0;
	host->memory_bytes = sysinfo(&info) ? 0 : (__u64)info.totalram * info.mem_unit;
	host->tool_version = TUNESCOPE_VERSION;
}
