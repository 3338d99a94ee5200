// SPDX-License-Identifier: GPL-2.0-only
#include "kswapd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc_stat.h"

#define PREFIX "kswapd"

/* "0" of "kswapd0": its node; NULL for any other process. */
static const char *node_of(const char *proc, const char *pid, char comm[32])
{
	char path[TS_PROC_PATH_MAX];

	snprintf(path, sizeof path, "%.400s/%.32s/comm", proc, pid);
	if (ts_read_small(AT_FDCWD, path, comm, 32) <= 0 ||
	    strncmp(comm, PREFIX, sizeof PREFIX - 1) != 0)
		return NULL;
	return comm + sizeof PREFIX - 1;
}

/*
 * Threads of the kernel are its own children and have no command line: of that length nothing is
 * read, so a program that calls itself kswapd0 would be taken for one. The file of a kernel
 * thread's executable cannot be read at all.
 */
static bool has_executable(const char *proc, const char *pid)
{
	char path[TS_PROC_PATH_MAX], target[8];

	snprintf(path, sizeof path, "%.400s/%.32s/exe", proc, pid);
	return readlink(path, target, sizeof target) >= 0;
}

static void take(struct ts_kswapd *kswapd, const char *proc, const char *pid, const char *node)
{
	char path[TS_PROC_PATH_MAX];
	int descriptor;

	if (kswapd->count == TS_KSWAPD_NODES || strlen(node) >= sizeof kswapd->thread[0].node)
		return;
	snprintf(path, sizeof path, "%.400s/%.32s/stat", proc, pid);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return;
	strcpy(kswapd->thread[kswapd->count].node, node);
	kswapd->thread[kswapd->count++].descriptor = descriptor;
}

/* They were started with the host, so they are among the first; /proc is in order of pids. */
void ts_kswapd_open(struct ts_kswapd *kswapd, const char *proc)
{
	struct dirent *entry;
	DIR *directory = opendir(proc);
	size_t others = 0;

	while (directory && (entry = readdir(directory))) {
		char comm[32];
		const char *node;
		__u64 pid;

		if (!ts_is_number(entry->d_name, &pid))
			continue;
		node = node_of(proc, entry->d_name, comm);
		if (node && !has_executable(proc, entry->d_name)) {
			take(kswapd, proc, entry->d_name, node);
			others = 0;
		} else if (kswapd->count && ++others == 16) {
			break;
		}
	}
	if (directory)
		closedir(directory);
}

void ts_kswapd_close(struct ts_kswapd *kswapd)
{
	for (size_t i = 0; i < kswapd->count; i++)
		close(kswapd->thread[i].descriptor);
	kswapd->count = 0;
}

bool ts_kswapd_cpu_ns(const struct ts_kswapd *kswapd, size_t i, __u64 *ns)
{
	char text[1024];
	__u64 ticks;

	if (ts_read_open(kswapd->thread[i].descriptor, text, sizeof text) <= 0 ||
	    !ts_process_ticks(text, &ticks))
		return false;
	*ns = ticks * ts_tick_ns();
	return true;
}
