// SPDX-License-Identifier: GPL-2.0-only
#include "host.h"

#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../core/arena.h"
#include "procfile.h"

/* CPUs and memory come and go, but to ask for them takes longer than most sources do. */
#define AGAIN_NS 5000000000ULL

static void ask_again(unsigned int *cpus, __u64 *memory_bytes, __u64 now)
{
	static __u64 asked_ns, memory;
	static long online;
	struct sysinfo info;

	if (!asked_ns || now - asked_ns >= AGAIN_NS) {
		asked_ns = now;
		online = sysconf(_SC_NPROCESSORS_ONLN);
		memory = sysinfo(&info) ? 0 : (__u64)info.totalram * info.mem_unit;
	}
	*cpus = online > 0 ? (unsigned int)online : 0;
	*memory_bytes = memory;
}

void ts_host_snapshot(struct ts_snapshot *snapshot)
{
	static char boot_id[64]; /* it stays the same for as long as we run */
	struct ts_host *host = &snapshot->host;
	struct utsname names;

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
	ask_again(&host->cpus, &host->memory_bytes, snapshot->monotonic_ns);
	host->tool_version = TUNESCOPE_VERSION;
}
