// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages of which next to nothing is used. While transparent huge pages are given out to
 * whoever touches memory ("always") and many are, a few of the processes with much memory of their
 * own are looked at: of some pages of the largest huge mapping it is asked whether they hold
 * anything but zeroes, as the kernel does before it splits a huge page that is underused. Nothing
 * else of them is kept, and pages that are not there are not touched.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "pace.h"
#include "process_memory.h"

#define SETTING	    "kernel/mm/transparent_hugepage/enabled"
#define HUGE_BYTES  (2ULL << 20)
#define EAGER_NS    12000000000ULL /* a look at the host takes seconds; a recording goes on */
#define LOOK_NS	    1000000000ULL
#define BURST	    32 /* huge pages given out between two looks, to look further */
#define LOOKED_AT   4  /* processes at a time */
#define PAGES	    64 /* looked into, of one process at a time */
#define PAGE_BYTES  4096
#define LEAST_BYTES (64ULL << 20)
#define PROCESSES   16 /* have series of their own */

struct process {
	__u64 empty, used; /* pages */
	double huge_bytes; /* most since the last snapshot */
	__u64 fresh;	   /* pages looked into since then */
};

struct huge_pages {
	struct ts_procfile setting, vmstat;
	__u64 opened_ns, looked_ns, given, examined_ns;
	bool known; /* given is */
	struct ts_process_name name[PROCESSES];
	struct ts_process_names names;
	struct process process[PROCESSES]; /* by place in names */
	unsigned int random;
};

static void huge_pages_close(void *opaque)
{
	struct huge_pages *state = opaque;

	ts_procfile_close(&state->setting);
	ts_procfile_close(&state->vmstat);
	free(state);
}

static int huge_pages_open(struct ts_live *live, void **opaque, enum ts_status *status,
			   char why[256])
{
	struct huge_pages *state = calloc(1, sizeof *state);
	const char *path = SETTING;
	int error = -ENOMEM;

	*status = TS_STATUS_FAILED;
	if (state) {
		state->opened_ns = ts_pace_opened(live);
		state->names = (struct ts_process_names){state->name, 0, PROCESSES, 0};
		error = ts_procfile_open(&state->setting, live->sys, SETTING);
		path = state->setting.path;
		if (error == -ENOENT)
			*status = TS_STATUS_UNSUPPORTED;
		if (!error) {
			error = ts_procfile_open(&state->vmstat, live->proc, "vmstat");
			path = state->vmstat.path;
		}
	}
	if (!error) {
		*opaque = state;
		return 0;
	}
	ts_proc_why(why, path, error);
	if (state)
		huge_pages_close(state);
	return error;
}

/* ---- Which process */

/*
 * By lot: the one that takes huge pages need not be the largest, and beside a virtual machine or a
 * database never is.
 */
static size_t draw_processes(struct huge_pages *state, const struct ts_live *live,
			     int drawn[LOOKED_AT])
{
	DIR *proc = opendir(live->proc);
	struct dirent *entry;
	size_t large = 0;
	__u64 pid;

	while (proc && (entry = readdir(proc))) {
		size_t place = large;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !ts_is_number(entry->d_name, &pid) ||
		    ts_process_own_bytes(live, entry->d_name) < LEAST_BYTES)
			continue;
		if (large++ >= LOOKED_AT)
			place = (size_t)rand_r(&state->random) % large;
		if (place < LOOKED_AT)
			drawn[place] = (int)pid;
	}
	if (proc)
		closedir(proc);
	return large < LOOKED_AT ? large : LOOKED_AT;
}

/* ---- Which of its memory */

/* The mapping with most huge pages; their sum over all mappings in *sum. */
static struct ts_mapping largest_mapping(const struct ts_live *live, int pid, __u64 *sum)
{
	struct ts_mapping largest = {0}, now;
	FILE *smaps = ts_open_mappings(live, pid);

	*sum = 0;
	while (smaps && ts_next_mapping(smaps, &now)) {
		*sum += now.huge;
		if (now.huge > largest.huge)
			largest = now;
	}
	if (smaps)
		fclose(smaps);
	return largest;
}

/* ---- Looking into it */

static bool is_empty(const unsigned char page[PAGE_BYTES])
{
	return !page[0] && !memcmp(page, page + 1, PAGE_BYTES - 1);
}

/* Pages that are not in memory are left alone: reading them would bring them in. */
static bool is_present(int pagemap, __u64 address)
{
	__u64 entry;

	return pread(pagemap, &entry, sizeof entry, (off_t)(address / PAGE_BYTES * sizeof entry)) ==
		       sizeof entry &&
	       entry >> 63;
}

static void look_into(struct huge_pages *state, const struct ts_live *live, int place,
		      const struct ts_mapping *mapping)
{
	struct process *process = &state->process[place];
	int pid = state->name[place].pid;
	__u64 first = (mapping->begin + HUGE_BYTES - 1) / HUGE_BYTES,
	      last = mapping->end / HUGE_BYTES;
	unsigned char page[PAGE_BYTES];
	char path[TS_PROC_PATH_MAX];
	int pagemap;

	snprintf(path, sizeof path, "%.400s/%d/pagemap", live->proc, pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return;
	for (int i = 0; i < PAGES && last > first; i++) {
		__u64 block = first + (__u64)rand_r(&state->random) % (last - first);
		__u64 at = block * HUGE_BYTES + (__u64)rand_r(&state->random) % 512 * PAGE_BYTES;
		struct iovec here = {page, sizeof page}, there = {(void *)at, sizeof page};

		if (!is_present(pagemap, at) ||
		    process_vm_readv(pid, &here, 1, &there, 1, 0) != sizeof page)
			continue;
		if (is_empty(page))
			process->empty++;
		else
			process->used++;
		process->fresh++;
	}
	close(pagemap);
}

static void examine(struct huge_pages *state, const struct ts_live *live, int pid)
{
	struct process *process;
	struct ts_mapping mapping;
	__u64 sum;
	int place;

	mapping = largest_mapping(live, pid, &sum);
	if (sum < LEAST_BYTES)
		return;
	place = ts_process_place(live, &state->names, pid);
	if (place < 0)
		return;
	process = &state->process[place];
	if (process->huge_bytes < (double)sum)
		process->huge_bytes = (double)sum;
	look_into(state, live, place, &mapping);
}

static void examine_some(struct huge_pages *state, const struct ts_live *live)
{
	int drawn[LOOKED_AT];
	size_t count = draw_processes(state, live, drawn);

	for (size_t i = 0; i < count; i++)
		examine(state, live, drawn[i]);
}

static bool always(struct huge_pages *state)
{
	return !ts_procfile_read(&state->setting) && strstr(state->setting.text, "[always]");
}

/* Huge pages given out on a first touch, since boot. */
static bool read_given(struct huge_pages *state, __u64 *given)
{
	static const char key[] = "thp_fault_alloc ";
	char *at;

	if (ts_procfile_read(&state->vmstat))
		return false;
	at = strstr(state->vmstat.text, key);
	if (!at)
		return false;
	at += sizeof key - 1;
	return ts_take_number(&at, given);
}

static void huge_pages_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct huge_pages *state = opaque;
	bool eager = now - state->opened_ns < EAGER_NS;
	__u64 given;

	if (now - state->looked_ns < (eager ? LOOK_NS / 10 : LOOK_NS))
		return;
	state->looked_ns = now;
	if (!always(state)) {
		state->known = false;
		return;
	}
	if (!read_given(state, &given))
		return;
	if (state->known && given - state->given >= BURST &&
	    now - state->examined_ns >= (eager ? LOOK_NS / 10 : 10 * LOOK_NS)) {
		state->examined_ns = now;
		examine_some(state, live);
	}
	state->given = given;
	state->known = true;
}

/* ---- Snapshot */

static void huge_pages_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct huge_pages *state = opaque;

	for (size_t i = 0; i < state->names.count; i++) {
		const struct ts_process_name *name = &state->name[i];
		struct process *process = &state->process[i];

		ts_snapshot_counter(snapshot, TS_FAMILY_HUGE_PAGE_SAMPLES,
				    TS_LABELS(name->comm, "empty"), process->empty);
		ts_snapshot_counter(snapshot, TS_FAMILY_HUGE_PAGE_SAMPLES,
				    TS_LABELS(name->comm, "used"), process->used);
		ts_snapshot_gauge(snapshot, TS_FAMILY_HUGE_PAGE_BYTES, TS_LABELS(name->comm),
				  process->huge_bytes);
		if (process->fresh)
			ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
							       .family = TS_FAMILY_HUGE_PAGE_BYTES,
							       .label = {name->comm, "", "", ""},
							       .pid = name->pid,
							       .comm = name->comm,
							       .cgroup = "",
							       .value = process->huge_bytes,
						       });
		process->huge_bytes = 0;
		process->fresh = 0;
	}
	snapshot->family[TS_FAMILY_HUGE_PAGE_SAMPLES].overflowed = state->names.overflowed;
	ts_snapshot_source_status(snapshot, TS_SOURCE_HUGE_PAGES, TS_STATUS_OK, "");
}

const struct ts_source ts_source_huge_pages = {
	.id = TS_SOURCE_HUGE_PAGES,
	.open = huge_pages_open,
	.tick = huge_pages_tick,
	.snapshot = huge_pages_snapshot,
	.close = huge_pages_close,
};
