// SPDX-License-Identifier: GPL-2.0-only
/* Scheduler: run-queue wait, on-CPU and off-CPU time, switches, migrations (bpf/sched.bpf.c). */
#include "sched.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <tunescope/sched.h>

#include "../core/histogram.h"
#include "clock.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "sched_sessions.h"
#include "sched_timestamps.h"
#include "sched_whose.h"
#include "task_names.h"
#include "sched.skel.h"

/* Slots of the table of tasks: one for each possible pid, or this many shared by all. */
#define TASKS_DIRECT_MAX 65536
#define TASKS_SHARED	 131072
/* Read this much of that table at a time: mapping all of it would count as memory of ours. */
#define TASKS_AT_A_TIME 8192

#define SUFFERERS	8
#define CANDIDATES	32 /* some of the worst may have ended by the time their names are read */

/*
 * Once a recording goes on, all of the table is read after so long only; in between, those parts in
 * which a task has waited of late. Nearly all of a table of pids belongs to tasks long gone.
 */
#define ALL_NS	   2900000000ULL
#define LATE_NS	   10000000000ULL
#define PART_LEAST 512 /* tasks of a part; or a page of them */
#define PARTS_MAX  (TASKS_SHARED / PART_LEAST)

/*
 * A task that waited for less than one part in so many of the time is no sufferer; and while all
 * together waited for less than this part of one CPU's time, the table is looked at only now and
 * then, so that little is added up unseen.
 */
#define SUFFERER_SHARE 1000
#define WORTH_A_LOOK   100
#define UNSEEN_MOST_NS 9500000000ULL

/* The inode of the initial pid namespace (PROC_PID_INIT_INO): only there pids mean the same. */
#define INITIAL_PID_NAMESPACE 0xeffffffcUL

struct candidate {
	__u32 pid;
	__u64 waited;
};

struct sched_state {
	struct sched_bpf *skeleton; /* while it is opened */
	const struct ts_map *map;   /* of all tasks, and after them the CPUs */
	struct ts_probe probe;
	const struct ts_sched_cpu *cpu; /* one slice for each possible CPU */
	unsigned int cpus;
	bool own_timestamps;
	const struct ts_live_command *command;
	struct ts_sched_whose_told whose;
	bool delays_dequeue; /* tasks that sleep may still be on a run queue */
	bool pids_are_global;
	bool has_base;	   /* a snapshot was taken before */
	__u32 tasks, part; /* tasks in all, and in what is read or left out as one */
	/*
	 * What each slot's task had waited by the last snapshot. Address space for all of them,
	 * memory only for pages with tasks in them.
	 */
	__u64 *waited;
	__u64 opened_ns, all_ns;     /* when all of it was read last */
	__u64 looked_ns;	     /* the last snapshot that looked at it */
	__u64 told_ns, told_wait;    /* the last snapshot, and all waits until then */
	__u64 unseen_wait;	     /* of all tasks, between the two */
	__u64 changed_ns[PARTS_MAX]; /* when a task of that part was last seen to have waited */
	struct ts_task_names names;
	struct ts_sched_sessions *sessions; /* NULL: not measured, for this reason */
	enum ts_status sessions_status;
	char sessions_why[256];
};

/* ---- Opening */

static __u32 task_slots(const struct ts_live *live)
{
	char path[TS_PROC_PATH_MAX], text[32];
	__u64 pid_max;
	__u32 slots = 1;

	if (ts_live_path(live, "/proc/sys/kernel/pid_max", path, sizeof path) ||
	    ts_read_small(AT_FDCWD, path, text, sizeof text) < 0 || !ts_is_number(text, &pid_max) ||
	    pid_max > TASKS_DIRECT_MAX)
		return TASKS_SHARED;
	while (slots < pid_max || slots < TASKS_AT_A_TIME)
		slots *= 2;
	return slots;
}

static bool in_initial_pid_namespace(const struct ts_live *live)
{
	char path[TS_PROC_PATH_MAX];
	struct stat status;

	return !ts_live_path(live, "/proc/self/ns/pid", path, sizeof path) &&
	       !stat(path, &status) && status.st_ino == INITIAL_PID_NAMESPACE;
}

/* Whole pages. */
static __u32 tasks_size(const struct sched_state *state)
{
	return state->tasks * sizeof(struct ts_sched_task);
}

static __u32 cpus_size(const struct sched_state *state)
{
	return state->cpus * sizeof(struct ts_sched_cpu);
}

#define ELEMENT_BYTES (4u << 20)

/*
 * All is one element of a map, which may be no larger than what kmalloc() gives (ELEMENT_BYTES, or
 * more) on older kernels (5.10): there more tasks share a slot. Later ones are asked in vain.
 */
static void fit_element(struct sched_state *state)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int map = tasks_size(state) + cpus_size(state) > ELEMENT_BYTES ? -E2BIG : -1;

	while (map == -E2BIG && state->tasks > TASKS_AT_A_TIME) {
		map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(__u32),
				     tasks_size(state) + cpus_size(state), 1, &options);
		if (map == -E2BIG)
			state->tasks /= 2;
	}
	if (map >= 0)
		close(map);
}

static void configure(struct sched_state *state, const struct ts_sched_options *options)
{
	struct sched_bpf *skeleton = state->skeleton;
	bool own = state->own_timestamps, run = state->command;

	bpf_program__set_autoload(skeleton->progs.ts_sched_switch, !own && !run);
	bpf_program__set_autoload(skeleton->progs.ts_sched_run, !own && run);
	bpf_program__set_autoload(skeleton->progs.ts_sched_moved, !own && state->delays_dequeue);
	bpf_program__set_autoload(skeleton->progs.ts_sched_list, !own);
	bpf_program__set_autoload(skeleton->progs.ts_sched_visit, state->pids_are_global);
	bpf_program__set_autoload(skeleton->progs.ts_sched_ktime, own);
	bpf_program__set_autoload(skeleton->progs.ts_sched_wakeup, own);
	bpf_program__set_autoload(skeleton->progs.ts_sched_new, own);
	bpf_map__set_value_size(skeleton->maps.ts_sched_all, tasks_size(state) + cpus_size(state));
	skeleton->rodata->ts_sched_task_mask = state->tasks - 1;
	skeleton->rodata->ts_sched_tasks_size = tasks_size(state);
	skeleton->rodata->ts_sched_cpus = state->cpus;
	skeleton->rodata->ts_sched_correct_clock = !options->keep_stale_clock;
	if (!run)
		return;
	skeleton->rodata->ts_sched_cgroup = state->command->cgroup;
	skeleton->rodata->ts_sched_only_command = state->command->only;
	skeleton->rodata->ts_sched_own = state->pids_are_global ? getpid() : 0;
}

static void sched_close(void *opaque)
{
	struct sched_state *state = opaque;

	ts_sched_sessions_close(state->sessions);
	ts_task_names_close(&state->names);
	if (state->waited)
		munmap(state->waited, state->tasks * sizeof *state->waited);
	if (state->cpu)
		munmap((void *)state->cpu, cpus_size(state));
	ts_probe_close(&state->probe);
	sched_bpf__destroy(state->skeleton);
	free(state);
}

static int fail(struct sched_state *state, enum ts_status *status, char why[256], const char *what,
		int error)
{
	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "%s: %s", what, strerror(error));
	if (state)
		sched_close(state);
	return -error;
}

/* Without it the first wait of some tasks reads a little low, which is no reason to fail. */
static void list_tasks(struct sched_state *state)
{
	struct bpf_link *link;
	char nothing[16];
	int iterator;

	if (ts_probe_status(&state->probe, "ts_sched_list", NULL) != TS_STATUS_OK)
		return;
	link = bpf_program__attach_iter(state->skeleton->progs.ts_sched_list, NULL);
	if (!link)
		return;
	iterator = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	if (iterator < 0)
		return;
	/* One call visits every task: the program writes nothing that would end it earlier. */
	while (read(iterator, nothing, sizeof nothing) > 0)
		;
	close(iterator);
}

static const char no_sched_info[] = "this kernel keeps no scheduling times (CONFIG_SCHED_INFO)";

static const char not_for_a_command[] =
	"sessions are those of the host: `tunescope run --scope host` measures them";

/* Without them the rest goes on. */
static void open_sessions(struct sched_state *state)
{
	bool only_command = state->command && state->command->only;
	const char *why =
		only_command
			? not_for_a_command
			: "tunescope runs in a pid namespace of its own: the sessions of the host "
			  "have no names here";

	state->sessions_status = TS_STATUS_UNSUPPORTED;
	if (only_command)
		state->sessions_status = TS_STATUS_DISABLED;
	else if (state->pids_are_global)
		state->sessions_status = ts_probe_status(&state->probe, "ts_sched_visit", &why);
	snprintf(state->sessions_why, sizeof state->sessions_why, "%s", why);
	if (state->sessions_status != TS_STATUS_OK)
		return;
	state->sessions = ts_sched_sessions_open(state->skeleton->progs.ts_sched_visit,
						 state->tasks, state->opened_ns);
	if (state->sessions)
		return;
	state->sessions_status = TS_STATUS_FAILED;
	snprintf(state->sessions_why, sizeof state->sessions_why,
		 "the tasks cannot be gone through: %s", strerror(errno));
}

int ts_sched_open(struct ts_live *live, const struct ts_sched_options *options, void **result,
		  enum ts_status *status, char why[256])
{
	struct sched_state *state = calloc(1, sizeof *state);
	int error;

	if (!state)
		return fail(NULL, status, why, "no memory for the scheduler source", ENOMEM);
	state->skeleton = sched_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton)
		return fail(state, status, why, "the scheduler's BPF object cannot be opened",
			    errno);
	state->command = live->command;
	state->own_timestamps = options->own_timestamps || !ts_kernel_keeps_timestamps(live);
	state->delays_dequeue =
		ts_btf_struct_has(live->kernel_btf, "sched_entity", "sched_delayed");
	state->pids_are_global = in_initial_pid_namespace(live);
	state->cpus = ts_possible_cpus();
	state->tasks = task_slots(live);
	fit_element(state);
	state->part = (__u32)((size_t)sysconf(_SC_PAGESIZE) / sizeof(struct ts_sched_task));
	if (state->part < PART_LEAST)
		state->part = PART_LEAST;
	state->opened_ns = ts_pace_opened(live);
	configure(state, options);
	error = ts_probe_load(&state->probe, ts_source_names[TS_SOURCE_SCHED], state->skeleton->obj,
			      live, status, why);
	if (error) {
		sched_close(state);
		return error;
	}
	state->map = ts_probe_map(&state->probe, state->skeleton->maps.ts_sched_all);
	state->cpu = mmap(NULL, cpus_size(state), PROT_READ, MAP_SHARED, state->map->fd,
			  tasks_size(state));
	if (state->cpu == MAP_FAILED) {
		state->cpu = NULL;
		return fail(state, status, why, "the scheduler's counters cannot be mapped", errno);
	}
	state->waited = mmap(NULL, state->tasks * sizeof *state->waited, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (state->waited == MAP_FAILED) {
		state->waited = NULL;
		return fail(state, status, why, "no memory for the scheduler source", errno);
	}
	list_tasks(state);
	open_sessions(state);
	ts_skeleton_close(sched, state->skeleton);
	*result = state;
	return 0;
}

static int sched_open(struct ts_live *live, void **state, enum ts_status *status, char why[256])
{
	return ts_sched_open(live, &(struct ts_sched_options){0}, state, status, why);
}

/* ---- Who waited most since the last snapshot. */

static void keep_if_worse(struct candidate *candidate, __u32 pid, __u64 waited)
{
	size_t i = CANDIDATES - 1;

	if (waited <= candidate[i].waited)
		return;
	for (; i && candidate[i - 1].waited < waited; i--)
		candidate[i] = candidate[i - 1];
	candidate[i] = (struct candidate){pid, waited};
}

/* Whether one of them has waited since the last look. */
static bool compare_tasks(struct sched_state *state, const struct ts_sched_task *task, __u32 first,
			  __u32 count, struct candidate *candidate)
{
	bool changed = false;

	for (__u32 i = 0; i < count; i++, task++) {
		__u64 *last = &state->waited[first + i];
		__u64 now = task->waited, before = *last;

		if (!task->pid || now == before)
			continue;
		changed = true;
		if (state->sessions)
			ts_sched_sessions_task(state->sessions, first + i, task->pid, now);
		if (!candidate)
			continue;
		if (now < before)
			before = 0; /* another task of the same pid */
		*last = now;
		keep_if_worse(candidate, task->pid, now - before);
	}
	return changed;
}

/* Maps and reads a run of parts. */
static int look_at_parts(struct sched_state *state, __u32 part, __u32 parts, __u64 now,
			 struct candidate *candidate)
{
	const size_t part_bytes = state->part * sizeof(struct ts_sched_task);
	char *view = mmap(NULL, parts * part_bytes, PROT_READ, MAP_SHARED, state->map->fd,
			  (off_t)(part * part_bytes));

	if (view == MAP_FAILED)
		return -errno;
	for (__u32 i = 0; i < parts; i++)
		if (compare_tasks(state, (void *)(view + i * part_bytes), (part + i) * state->part,
				  state->part, candidate))
			state->changed_ns[part + i] = now;
	munmap(view, parts * part_bytes);
	return 0;
}

/* candidate: who waited most since the last snapshot; NULL between two snapshots. */
static int look_at_tasks(struct sched_state *state, struct candidate *candidate)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);
	bool all = now - state->all_ns >= ALL_NS || now - state->opened_ns < TS_PACE_EAGER_NS;
	__u32 parts = state->tasks / state->part, most = TASKS_AT_A_TIME / state->part;
	__u32 part = 0, run;
	int error = 0;

	while (part < parts && !error) {
		for (run = 0; part + run < parts && run < most &&
			      (all || now - state->changed_ns[part + run] < LATE_NS);)
			run++;
		if (run)
			error = look_at_parts(state, part, run, now, candidate);
		part += run ? run : 1;
	}
	if (all && !error)
		state->all_ns = now;
	return error;
}

static bool name_sufferer(struct sched_state *state, const struct ts_live *live,
			  const struct candidate *candidate, struct ts_snapshot *snapshot)
{
	const struct ts_task_name *name = ts_task_name(&state->names, live, candidate->pid);

	if (!name)
		return false;
	ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
					       .family = TS_FAMILY_RUNQ_LATENCY,
					       .label = {"", "", "", ""},
					       .pid = (int)candidate->pid,
					       .comm = name->comm,
					       .cgroup = name->cgroup,
					       .value = (double)candidate->waited / 1e9,
				       });
	return true;
}

/* 0, or a negative errno. */
static int look_at_sessions(struct sched_state *state, struct candidate *candidate, bool due)
{
	int error;

	if (state->sessions)
		ts_sched_sessions_begin(state->sessions, ts_clock_ns(CLOCK_MONOTONIC));
	error = look_at_tasks(state, candidate);
	if (!error && state->sessions)
		error = ts_sched_sessions_end(state->sessions, due);
	return error;
}

static void add_sessions(const struct ts_live *live, struct sched_state *state,
			 struct ts_snapshot *snapshot, int error)
{
	char why[128];

	if (!state->sessions) {
		ts_sched_sessions_status(snapshot, state->sessions_status, state->sessions_why);
	} else if (error) {
		snprintf(why, sizeof why, "the tasks cannot be gone through: %s", strerror(-error));
		ts_sched_sessions_status(snapshot, TS_STATUS_FAILED, why);
	} else {
		ts_sched_sessions_snapshot(state->sessions, live, snapshot);
	}
}

static __u64 total_wait(const struct sched_state *state)
{
	__u64 waited = 0;

	for (unsigned int i = 0; i < state->cpus; i++)
		waited += state->cpu[i].total[TS_SCHED_WAIT].sum;
	return waited;
}

/* Those that waited most since the last snapshot. What they may have waited unseen is taken off. */
static void name_sufferers(const struct ts_live *live, struct sched_state *state,
			   const struct candidate *candidate, __u64 interval,
			   struct ts_snapshot *snapshot)
{
	size_t named = 0;

	for (size_t i = 0; i < CANDIDATES && named < SUFFERERS; i++) {
		struct candidate one = candidate[i];

		if (one.waited < state->unseen_wait + interval / SUFFERER_SHARE || !one.waited)
			return;
		one.waited -= state->unseen_wait;
		named += name_sufferer(state, live, &one, snapshot);
	}
}

static void find_sufferers(const struct ts_live *live, struct sched_state *state,
			   struct ts_snapshot *snapshot)
{
	struct candidate candidate[CANDIDATES] = {{0, 0}};
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), interval = now - state->told_ns;
	__u64 wait = total_wait(state), since = wait - state->told_wait;
	int error = 0;

	state->told_ns = now;
	state->told_wait = wait;
	if (state->has_base && since < interval / WORTH_A_LOOK &&
	    now - state->looked_ns < UNSEEN_MOST_NS) {
		state->unseen_wait += since;
	} else {
		if (state->pids_are_global)
			error = look_at_sessions(state, candidate, false);
		if (state->has_base)
			name_sufferers(live, state, candidate, interval, snapshot);
		state->has_base = true;
		state->looked_ns = now;
		state->unseen_wait = 0;
	}
	add_sessions(live, state, snapshot, error);
}

/* ---- Snapshots */

static void add_histogram(const struct sched_state *state, struct ts_snapshot *snapshot,
			  enum ts_family_id id, enum ts_sched_interval interval)
{
	struct ts_histogram *sum =
		ts_snapshot_histogram(snapshot, id, NULL, TS_HISTOGRAM_SCALE_GLOBAL);

	for (unsigned int i = 0; i < state->cpus; i++) {
		const struct ts_sched_cpu *cpu = &state->cpu[i];

		ts_histogram_add_raw(sum, cpu->total[interval].sum, cpu->total[interval].max,
				     cpu->slot[interval]);
	}
}

static void add_counters(const struct sched_state *state, struct ts_snapshot *snapshot)
{
	static const char *const kinds[TS_SCHED_SWITCH_KINDS] = {
		[TS_SCHED_SWITCH_INVOLUNTARY] = "involuntary",
		[TS_SCHED_SWITCH_VOLUNTARY] = "voluntary",
		[TS_SCHED_SWITCH_IDLE] = "idle",
	};
	__u64 switches[TS_SCHED_SWITCH_KINDS] = {0}, migrations = 0;

	for (unsigned int i = 0; i < state->cpus; i++) {
		for (size_t kind = 0; kind < TS_SCHED_SWITCH_KINDS; kind++)
			switches[kind] += state->cpu[i].switches[kind];
		migrations += state->cpu[i].migrations;
		snapshot->cost.lost_events += state->cpu[i].lost;
	}
	for (size_t kind = 0; kind < TS_SCHED_SWITCH_KINDS; kind++)
		ts_snapshot_counter(snapshot, TS_FAMILY_CONTEXT_SWITCHES, TS_LABELS(kinds[kind]),
				    switches[kind]);
	ts_snapshot_counter(snapshot, TS_FAMILY_TASK_MIGRATIONS, NULL, migrations);
}

/* Without SCHED_INFO the wait needs the wakeup programs, too; the rest does not. */
static enum ts_status wait_status(const struct sched_state *state, const char **why)
{
	static const char *const wakeups[] = {"ts_sched_wakeup", "ts_sched_new"};
	enum ts_status status = TS_STATUS_OK;

	for (size_t i = 0; i < 2 && state->own_timestamps && status == TS_STATUS_OK; i++)
		status = ts_probe_status(&state->probe, wakeups[i], why);
	return status;
}

/* Tasks that end between two snapshots wait, too, and nobody knows afterwards who they were. */
static void sched_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	struct sched_state *state = opaque;

	if (!state->sessions)
		return;
	if (ts_sched_sessions_due(state->sessions, monotonic_ns, total_wait(state)))
		look_at_sessions(state, NULL, true); /* a failure shows in the next snapshot */
}

static const char *switch_program(const struct sched_state *state)
{
	if (state->own_timestamps)
		return "ts_sched_ktime";
	return state->command ? "ts_sched_run" : "ts_sched_switch";
}

static void sched_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct sched_state *state = opaque;
	const char *why = "";
	enum ts_status status = ts_probe_status(&state->probe, switch_program(state), &why);

	ts_probe_cost(&state->probe, snapshot);
	if (status != TS_STATUS_OK) {
		ts_snapshot_source_status(snapshot, TS_SOURCE_SCHED, status, why);
		ts_snapshot_family_status(snapshot, TS_FAMILY_TASK_CPU, status, why);
		return;
	}
	if (state->command && !state->own_timestamps)
		ts_sched_whose_snapshot(&state->whose, state->cpu, state->cpus, snapshot);
	else if (state->command)
		ts_snapshot_family_status(snapshot, TS_FAMILY_TASK_CPU, TS_STATUS_UNSUPPORTED,
					  no_sched_info);
	add_counters(state, snapshot);
	add_histogram(state, snapshot, TS_FAMILY_ONCPU_TIME, TS_SCHED_ONCPU);
	add_histogram(state, snapshot, TS_FAMILY_OFFCPU_TIME, TS_SCHED_OFFCPU);
	status = wait_status(state, &why);
	if (status != TS_STATUS_OK) {
		ts_snapshot_family_status(snapshot, TS_FAMILY_RUNQ_LATENCY, status, why);
		ts_sched_sessions_status(snapshot, status, why);
		return;
	}
	add_histogram(state, snapshot, TS_FAMILY_RUNQ_LATENCY, TS_SCHED_WAIT);
	find_sufferers(live, state, snapshot);
}

const struct ts_source ts_source_sched = {
	.id = TS_SOURCE_SCHED,
	.open = sched_open,
	.tick = sched_tick,
	.snapshot = sched_snapshot,
	.close = sched_close,
};
