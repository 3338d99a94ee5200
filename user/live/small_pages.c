// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that would gain from huge pages and have none. While not everybody gets them
 * ("madvise", "never"), the busiest of the processes with most memory is looked at: whether it has
 * asked for huge pages and was refused them, and whether it accesses its largest mapping without an
 * order, all over it: then each access has to look up where the page is.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_samples.h"
#include "clock.h"
#include "pace.h"
#include "proc_stat.h"

#define SETTING	    "kernel/mm/transparent_hugepage/enabled"
#define LOOK_NS	    500000000ULL
#define SAMPLE_NS   900000000ULL
#define REST_NS	    60000000000ULL /* a recording goes on for days */
#define LEAST_BYTES (256ULL << 20)
#define LARGEST	    4	 /* processes followed between two looks */
#define PROCESSES   8	 /* have series of their own */
#define BUSY	    0.25 /* of one CPU: more it need not get beside others */
#define DENSE	    0.8	 /* of the mapping is in memory: huge pages would waste little */
#define FEW_HUGE    0.1

struct candidate {
	int pid;
	__u64 bytes, ticks;
	bool known; /* ticks are those of the look before */
};

struct process {
	bool asked;
	double bytes;	   /* most in small pages since the last snapshot */
	__u64 all, random; /* moments */
	__u64 busy_ns;
	bool fresh;
};

struct small_pages {
	struct ts_procfile setting;
	__u64 looked_ns, rest_ns;
	__u64 sampling_ns; /* since when; 0: nobody is sampled */
	struct candidate candidate[LARGEST];
	struct ts_access_samples samples;
	struct ts_mapping mapping;
	struct process *sampled;
	struct ts_process_name name[PROCESSES];
	struct ts_process_names names;
	struct process process[PROCESSES]; /* by place in names */
	int error;			   /* of the last attempt to sample */
};

static void small_pages_close(void *opaque)
{
	struct small_pages *state = opaque;

	ts_procfile_close(&state->setting);
	ts_access_samples_close(&state->samples);
	free(state);
}

static int small_pages_open(struct ts_live *live, void **opaque, enum ts_status *status,
			    char why[256])
{
	struct small_pages *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*status = TS_STATUS_FAILED;
	if (state) {
		state->names = (struct ts_process_names){state->name, 0, PROCESSES, 0};
		state->samples.descriptor = -1;
		error = ts_procfile_open(&state->setting, live->sys, SETTING);
	}
	if (!error) {
		*opaque = state;
		return 0;
	}
	if (error == -ENOENT)
		*status = TS_STATUS_UNSUPPORTED;
	ts_proc_why(why, state ? state->setting.path : "/sys/" SETTING, error);
	if (state)
		small_pages_close(state);
	return error;
}

/* ---- Which process */

static struct candidate *smallest(struct candidate *candidates)
{
	struct candidate *least = candidates;

	for (size_t i = 1; i < LARGEST; i++)
		if (candidates[i].bytes < least->bytes)
			least = &candidates[i];
	return least;
}

/* Those with most memory of their own. */
static void find_largest(const struct ts_live *live, struct candidate candidates[LARGEST])
{
	DIR *proc = opendir(live->proc);
	struct dirent *entry;
	__u64 pid;

	while (proc && (entry = readdir(proc))) {
		struct candidate *least = smallest(candidates);
		__u64 bytes;

		if (!ts_is_number(entry->d_name, &pid))
			continue;
		bytes = ts_process_own_bytes(live, entry->d_name);
		if (bytes >= LEAST_BYTES && bytes > least->bytes)
			*least = (struct candidate){.pid = (int)pid, .bytes = bytes};
	}
	if (proc)
		closedir(proc);
}

static __u64 ticks_before(const struct small_pages *state, int pid, bool *known)
{
	for (size_t i = 0; i < LARGEST; i++)
		if (state->candidate[i].pid == pid && state->candidate[i].known) {
			*known = true;
			return state->candidate[i].ticks;
		}
	*known = false;
	return 0;
}

/* The one that had most CPU time since the last look, if that is much; 0 otherwise. */
static int busiest(struct small_pages *state, const struct ts_live *live, __u64 passed_ns,
		   __u64 *busy_ns)
{
	struct candidate found[LARGEST] = {{0}};
	__u64 most = (__u64)(BUSY * (double)passed_ns);
	int pid = 0;

	find_largest(live, found);
	for (size_t i = 0; i < LARGEST; i++) {
		__u64 before, used;
		bool known;

		if (!found[i].pid || !ts_process_read_ticks(live, found[i].pid, &found[i].ticks))
			continue;
		found[i].known = true;
		before = ticks_before(state, found[i].pid, &known);
		used = found[i].ticks > before ? (found[i].ticks - before) * ts_tick_ns() : 0;
		if (known && used >= most) {
			most = used;
			pid = found[i].pid;
		}
	}
	memcpy(state->candidate, found, sizeof found);
	*busy_ns = most;
	return pid;
}

/* Its largest mapping; false when it is not dense, or in huge pages already. */
static bool find_mapping(const struct ts_live *live, int pid, struct ts_mapping *largest)
{
	FILE *smaps = ts_open_mappings(live, pid);
	struct ts_mapping mapping;
	double bytes;

	*largest = (struct ts_mapping){0};
	while (smaps && ts_next_mapping(smaps, &mapping))
		if (mapping.anonymous > largest->anonymous)
			*largest = mapping;
	if (smaps)
		fclose(smaps);
	bytes = (double)largest->anonymous;
	return largest->anonymous >= LEAST_BYTES && (double)largest->huge <= FEW_HUGE * bytes &&
	       bytes >= DENSE * (double)(largest->end - largest->begin);
}

/* A thread that runs at this moment, or the first one. */
static int running_thread(const struct ts_live *live, int pid)
{
	char path[TS_PROC_PATH_MAX], text[1024];
	int thread = pid;
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof path, "%.400s/%d/task", live->proc, pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		const char *end;

		snprintf(path, sizeof path, "%.400s/%d/task/%.32s/stat", live->proc, pid,
			 entry->d_name);
		if (!isdigit((unsigned char)*entry->d_name) ||
		    ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0)
			continue;
		end = strrchr(text, ')');
		if (end && end[1] == ' ' && end[2] == 'R') {
			thread = atoi(entry->d_name);
			break;
		}
	}
	if (tasks)
		closedir(tasks);
	return thread;
}

/* ---- Looking */

static void note(struct small_pages *state, struct process *process, __u64 busy_ns)
{
	double bytes = (double)(state->mapping.anonymous - state->mapping.huge);

	process->asked = state->mapping.asked;
	process->busy_ns += busy_ns;
	process->fresh = true;
	if (process->bytes < bytes)
		process->bytes = bytes;
}

static void look(struct small_pages *state, const struct ts_live *live, __u64 now)
{
	__u64 busy_ns = 0;
	int pid = busiest(state, live, now - state->looked_ns, &busy_ns);
	struct process *process;
	int place;

	if (!pid || !find_mapping(live, pid, &state->mapping))
		return;
	place = ts_process_place(live, &state->names, pid);
	if (place < 0)
		return;
	process = &state->process[place];
	note(state, process, busy_ns);
	state->error = ts_access_samples_open(&state->samples, pid, running_thread(live, pid));
	if (state->error)
		return;
	state->sampled = process;
	state->sampling_ns = now;
}

static void end_sampling(struct small_pages *state)
{
	struct ts_access_counts counts = ts_access_samples_count(&state->samples, &state->mapping);

	state->sampled->all += counts.all;
	state->sampled->random += counts.random;
	ts_access_samples_close(&state->samples);
	state->sampling_ns = 0;
}

static bool always(struct small_pages *state)
{
	return ts_procfile_read(&state->setting) || strstr(state->setting.text, "[always]");
}

/*
 * Two looks, half a second apart, show who is busy. A look goes through all processes: with very
 * many of them it is taken more seldom.
 */
static __u64 rest_after(bool eager, bool first, __u64 cost_ns)
{
	__u64 least = eager || first ? LOOK_NS : REST_NS,
	      paced = ts_pace_rest(TS_PACE_SMALL_PAGES, eager || first, cost_ns);

	return paced > least ? paced : least;
}

static void small_pages_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct small_pages *state = opaque;
	bool eager = ts_pace_eager(live, now, TS_PACE_EAGER_NS), known = state->candidate[0].known;
	__u64 begin;

	if (state->sampling_ns && now - state->sampling_ns < SAMPLE_NS)
		return;
	if (state->sampling_ns)
		end_sampling(state);
	if (now - state->looked_ns < state->rest_ns)
		return;
	begin = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	if (always(state))
		memset(state->candidate, 0, sizeof state->candidate);
	else
		look(state, live, now);
	if (!eager && known)
		memset(state->candidate, 0, sizeof state->candidate);
	state->looked_ns = now;
	state->rest_ns = rest_after(eager, state->candidate[0].known,
				    ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
}

/* ---- Snapshot */

static void small_pages_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct small_pages *state = opaque;

	for (size_t i = 0; i < state->names.count; i++) {
		const struct ts_process_name *name = &state->name[i];
		struct process *p = &state->process[i];

		ts_snapshot_counter(snapshot, TS_FAMILY_SMALL_PAGE_SAMPLES,
				    TS_LABELS(name->comm, "random"), p->random);
		ts_snapshot_counter(snapshot, TS_FAMILY_SMALL_PAGE_SAMPLES,
				    TS_LABELS(name->comm, "other"), p->all - p->random);
		ts_snapshot_counter(snapshot, TS_FAMILY_SMALL_PAGE_BUSY, TS_LABELS(name->comm),
				    p->busy_ns);
		ts_snapshot_gauge(snapshot, TS_FAMILY_SMALL_PAGE_BYTES,
				  TS_LABELS(name->comm, p->asked ? "asked" : "not-asked"),
				  p->bytes);
		if (p->fresh)
			ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
							       .family = TS_FAMILY_SMALL_PAGE_BYTES,
							       .label = {name->comm, "", "", ""},
							       .pid = name->pid,
							       .comm = name->comm,
							       .cgroup = "",
							       .value = p->bytes,
						       });
		p->bytes = 0;
		p->fresh = false;
	}
	snapshot->family[TS_FAMILY_SMALL_PAGE_SAMPLES].overflowed = state->names.overflowed;
	ts_snapshot_source_status(snapshot, TS_SOURCE_SMALL_PAGES, TS_STATUS_OK, "");
	if (state->error == -EOPNOTSUPP)
		ts_snapshot_family_status(snapshot, TS_FAMILY_SMALL_PAGE_SAMPLES,
					  TS_STATUS_UNSUPPORTED,
					  "what instructions access is known on x86-64 only");
	else if (state->error && state->error != -ESRCH)
		ts_snapshot_family_status(snapshot, TS_FAMILY_SMALL_PAGE_SAMPLES, TS_STATUS_FAILED,
					  strerror(-state->error));
}

const struct ts_source ts_source_small_pages = {
	.id = TS_SOURCE_SMALL_PAGES,
	.open = small_pages_open,
	.tick = small_pages_tick,
	.snapshot = small_pages_snapshot,
	.close = small_pages_close,
};
