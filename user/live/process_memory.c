// SPDX-License-Identifier: GPL-2.0-only
#include "process_memory.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proc_stat.h"

bool ts_process_read_ticks(const struct ts_live *live, int pid, __u64 *ticks)
{
	char path[TS_PROC_PATH_MAX], text[1024];

	snprintf(path, sizeof path, "%.400s/%d/stat", live->proc, pid);
	return ts_read_small(AT_FDCWD, path, text, sizeof text) > 0 &&
	       ts_process_ticks(text, ticks);
}

int ts_process_place(const struct ts_live *live, struct ts_process_names *names, int pid)
{
	char path[TS_PROC_PATH_MAX], comm[32];
	size_t place = 0;

	snprintf(path, sizeof path, "%.400s/%d/comm", live->proc, pid);
	if (ts_read_small(AT_FDCWD, path, comm, sizeof comm) <= 0)
		return -1;
	while (place < names->count && strcmp(names->name[place].comm, comm) != 0)
		place++;
	if (place == names->most) {
		names->overflowed++;
		return -1;
	}
	if (place == names->count)
		snprintf(names->name[names->count++].comm, sizeof comm, "%s", comm);
	names->name[place].pid = pid;
	return (int)place;
}

__u64 ts_process_own_bytes(const struct ts_live *live, const char *pid)
{
	char path[TS_PROC_PATH_MAX], text[128], *at = text;
	__u64 size, resident, shared;

	snprintf(path, sizeof path, "%.400s/%.32s/statm", live->proc, pid);
	if (ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0 || !ts_take_number(&at, &size) ||
	    !ts_take_number(&at, &resident) || !ts_take_number(&at, &shared) || resident < shared)
		return 0;
	return (resident - shared) * (__u64)sysconf(_SC_PAGESIZE);
}

FILE *ts_open_mappings(const struct ts_live *live, int pid)
{
	char path[TS_PROC_PATH_MAX];

	snprintf(path, sizeof path, "%.400s/%d/smaps", live->proc, pid);
	return fopen(path, "re");
}

/* The flags are the last line of each mapping. */
bool ts_next_mapping(FILE *smaps, struct ts_mapping *mapping)
{
	unsigned long long begin, end, kilobytes;
	char line[512];

	*mapping = (struct ts_mapping){0};
	while (fgets(line, sizeof line, smaps)) {
		if (sscanf(line, "%llx-%llx ", &begin, &end) == 2) {
			mapping->begin = begin;
			mapping->end = end;
		} else if (sscanf(line, "Anonymous: %llu kB", &kilobytes) == 1) {
			mapping->anonymous = kilobytes << 10;
		} else if (sscanf(line, "AnonHugePages: %llu kB", &kilobytes) == 1) {
			mapping->huge = kilobytes << 10;
		} else if (!strncmp(line, "VmFlags:", 8)) {
			mapping->asked = strstr(line, " hg");
			return true;
		}
	}
	return false;
}
