// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that have nothing left, seen by bpf/limits.bpf.c, and the use of those the kernel counts
 * for the whole host. System calls that fail are watched only while something stands near its
 * limit, or the limit below what the kernel itself would have chosen: limits_watch.c says when.
 */
#include "limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include <tunescope/limits.h>
#include "btf_enum.h"
#include "clock.h"
#include "limits.skel.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "slots.h"

#define LOOK_NS	     1000000000ULL /* between two looks, but for the first seconds */
#define VISIT	     "ts_limits_visit"
#define WATCH	     "ts_limits_call_ends"
#define NO_LIMIT     (~0ULL)
#define NEAR(number) ((number) - ((number) >> 3))

static const char *const names[TS_LIMITS] = {
	[TS_LIMIT_FILES] = "fs.file-max",
	[TS_LIMIT_NR_OPEN] = "fs.nr_open",
	[TS_LIMIT_NOFILE] = "rlimit/nofile",
	[TS_LIMIT_MAPPINGS] = "vm.max_map_count",
	[TS_LIMIT_ADDRESS_SPACE] = "rlimit/as",
	[TS_LIMIT_DATA] = "rlimit/data",
	[TS_LIMIT_COMMIT] = "vm.overcommit_memory",
	[TS_LIMIT_PIDS] = "kernel.pid_max",
	[TS_LIMIT_NAMESPACE_PIDS] = "pid-namespace/pid_max",
	[TS_LIMIT_THREADS] = "kernel.threads-max",
	[TS_LIMIT_NPROC] = "rlimit/nproc",
	[TS_LIMIT_CGROUP_PIDS] = "cgroup/pids.max",
	[TS_LIMIT_WATCHES] = "fs.inotify.max_user_watches",
	[TS_LIMIT_INSTANCES] = "fs.inotify.max_user_instances",
	[TS_LIMIT_EVENTS] = "fs.inotify.max_queued_events",
	[TS_LIMIT_AIO] = "fs.aio-max-nr",
	[TS_LIMIT_PIPE_PAGES] = "fs.pipe-user-pages-soft",
};

/* The sysctls behind them; usual: the least that a kernel chooses by itself, 0 for none. */
enum number {
	MAPPINGS,
	NR_OPEN,
	PIDS,
	THREADS,
	AIO,
	PIPE_PAGES,
	WATCHES,
	INSTANCES,
	OVERCOMMIT,
	NUMBERS
};

static const struct {
	const char *file;
	__u64 usual;
} numbers[NUMBERS] = {
	[MAPPINGS] = {"sys/vm/max_map_count", 65530},
	[NR_OPEN] = {"sys/fs/nr_open", 0},
	[PIDS] = {"sys/kernel/pid_max", 0},
	[THREADS] = {"sys/kernel/threads-max", 0},
	[AIO] = {"sys/fs/aio-max-nr", 65536},
	[PIPE_PAGES] = {"sys/fs/pipe-user-pages-soft", 0},
	[WATCHES] = {"sys/fs/inotify/max_user_watches", 8192},
	[INSTANCES] = {"sys/fs/inotify/max_user_instances", 128},
	[OVERCOMMIT] = {"sys/vm/overcommit_memory", 0},
};

/* What the kernel counts for all of the host. */
struct use {
	struct ts_procfile file;
	__u64 now, peak, allowed;
	bool known;
};

struct seen {
	struct ts_limit_key key;
	__u64 count; /* reached and failed, at the last snapshot */
};

struct limits {
	struct limits_bpf *skeleton; /* while it is opened */
	const struct ts_map *entries;
	struct ts_probe probe;
	struct limits_bpf__bss *live;
	size_t live_length;
	struct bpf_link *visits; /* iterator over tasks */
	int inotify;		 /* a descriptor to tell those of others by; -1: none */
	bool can_watch;
	int watch_error;
	struct ts_limits_watch when;
	struct ts_procfile number_file[NUMBERS];
	__u64 number[NUMBERS]; /* NO_LIMIT: not known, or none */
	struct use files, aio;
	__u64 looked_ns, next_ns, visited_ns, pids_peak;
	int visit_error;
	struct seen seen[TS_LIMIT_ENTRIES];
	size_t seen_count;
};

/* ---- Opening and closing */

static void limits_close(void *opaque)
{
	struct limits *state = opaque;

	bpf_link__destroy(state->visits);
	ts_probe_close(&state->probe);
	if (state->live)
		munmap(state->live, state->live_length);
	limits_bpf__destroy(state->skeleton);
	for (int i = 0; i < NUMBERS; i++)
		ts_procfile_close(&state->number_file[i]);
	ts_procfile_close(&state->files.file);
	ts_procfile_close(&state->aio.file);
	if (state->inotify >= 0)
		close(state->inotify);
	free(state);
}

#ifdef __NR_fork
#define CALLS_OF_OLD \
	.fork = __NR_fork, .vfork = __NR_vfork, .pipe = __NR_pipe, .inotify_init = __NR_inotify_init
#else
#define CALLS_OF_OLD .fork = ~0u, .vfork = ~0u, .pipe = ~0u, .inotify_init = ~0u
#endif

static void set_constants(struct limits *state, const struct btf *btf)
{
	struct limits_bpf *skeleton = state->skeleton;
	struct ts_btf_enumerator helper = {"BPF_FUNC_get_current_task_btf", 0}; /* 5.11 */

	skeleton->rodata->ts_limits_calls = (struct ts_limits_calls){
		CALLS_OF_OLD,
		.clone = __NR_clone,
		.clone3 = __NR_clone3,
		.pipe2 = __NR_pipe2,
		.io_setup = __NR_io_setup,
		.inotify_init1 = __NR_inotify_init1,
		.inotify_add_watch = __NR_inotify_add_watch,
		.mmap = __NR_mmap,
		.mremap = __NR_mremap,
		.mprotect = __NR_mprotect,
		.munmap = __NR_munmap,
		.madvise = __NR_madvise,
	};
	ts_btf_enumerators(btf, &helper, 1);
	state->can_watch = helper.value;
	bpf_program__set_autoload(skeleton->progs.ts_limits_call_ends, state->can_watch);
	/* Loaded now, as that takes privileges; attached when it is time to. */
	bpf_program__set_autoattach(skeleton->progs.ts_limits_call_ends, false);
}

static int load(struct limits *state, struct ts_live *live, enum ts_status *status, char why[256])
{
	int error;

	state->skeleton = limits_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton)
		return -ENOMEM;
	set_constants(state, live->kernel_btf);
	error = ts_probe_load(&state->probe, ts_source_names[TS_SOURCE_LIMITS],
			      state->skeleton->obj, live, status, why);
	if (error)
		return error;
	state->entries = ts_probe_map(&state->probe, state->skeleton->maps.ts_limit_entries);
	state->live = ts_slots_map(ts_probe_map(&state->probe, state->skeleton->maps.bss),
				   &state->live_length);
	if (!state->live) {
		error = -errno;
		snprintf(why, 256, "cannot map the program's variables: %s", strerror(-error));
		return error;
	}
	/* Without it (it was left out) the rest goes on. */
	if (ts_probe_status(&state->probe, VISIT, NULL) != TS_STATUS_OK)
		return 0;
	state->visits = bpf_program__attach_iter(state->skeleton->progs.ts_limits_visit, NULL);
	if (state->visits)
		return 0;
	error = -errno;
	*status = TS_STATUS_UNSUPPORTED;
	snprintf(why, 256, "the iterator over tasks cannot be attached: %s", strerror(-error));
	return error;
}

/* ---- Reading */

static void read_numbers(struct limits *state)
{
	for (int i = 0; i < NUMBERS; i++) {
		struct ts_procfile *file = &state->number_file[i];
		char *at = file->text;

		state->number[i] = NO_LIMIT;
		if (file->descriptor < 0 || ts_procfile_read(file))
			continue;
		at = file->text;
		if (!ts_take_number(&at, &state->number[i]))
			state->number[i] = NO_LIMIT;
	}
	state->live->ts_limits_allowed = (struct ts_limits_allowed){
		.mappings = state->number[MAPPINGS],
		.nr_open = state->number[NR_OPEN],
		.pids = state->number[PIDS],
		.threads = state->number[THREADS],
		.aio = state->number[AIO],
		.pipe_pages = state->number[PIPE_PAGES],
	};
}

/* "used" or "used unused allowed": nothing has been kept unused since 2.6. */
static void read_use(struct use *use, __u64 allowed)
{
	char *at;
	__u64 unused;

	use->known = use->file.descriptor >= 0 && !ts_procfile_read(&use->file);
	at = use->file.text;
	if (!use->known || !ts_take_number(&at, &use->now)) {
		use->known = false;
		return;
	}
	use->allowed = allowed;
	if (!allowed)
		use->known = ts_take_number(&at, &unused) && ts_take_number(&at, &use->allowed);
	if (use->peak < use->now)
		use->peak = use->now;
}

static void visit(struct limits *state)
{
	char nothing[64];
	ssize_t length;
	int iterator;

	if (!state->visits)
		return;
	iterator = bpf_iter_create(bpf_link__fd(state->visits));
	state->visit_error = iterator < 0 ? -errno : 0;
	if (iterator < 0)
		return;
	/* The program writes nothing: a read goes through all tasks, some of them at a time. */
	do
		length = read(iterator, nothing, sizeof nothing);
	while (length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR)));
	if (length < 0)
		state->visit_error = -errno;
	close(iterator);
}

/* ---- Watching */

static bool is_eager(const struct limits *state, __u64 now)
{
	return now - state->when.opened_ns < TS_LIMITS_EAGER_NS;
}

static bool use_is_near(const struct use *use, bool eager)
{
	return use->known && use->peak >= (eager ? use->allowed / 2 : NEAR(use->allowed));
}

/*
 * What takes a few milliseconds from nothing to its limit and back is never near it when someone
 * looks: at first, a limit below the least that the kernel chooses is taken for near, too.
 */
static bool something_is_near(struct limits *state, bool eager)
{
	bool near = use_is_near(&state->files, eager) || use_is_near(&state->aio, eager);

	for (int i = 0; i < TS_LIMITS; i++) {
		/* More and longer pipes fail no call, and neither do lost events. */
		if (state->live->ts_limits_near[i] && i != TS_LIMIT_PIPE_PAGES &&
		    i != TS_LIMIT_EVENTS)
			near = true;
		state->live->ts_limits_near[i] = 0;
	}
	/* 2: no more memory is promised than there is. Somebody chose that, so look whom it hits.
	 */
	near = near || (eager && state->number[OVERCOMMIT] == 2);
	for (int i = 0; i < NUMBERS && eager; i++)
		near = near || state->number[i] < numbers[i].usual;
	return near;
}

static void watch(struct limits *state, bool wanted)
{
	if (!wanted)
		ts_probe_detach_program(&state->probe, WATCH);
	else if (!state->watch_error)
		state->watch_error = ts_probe_attach(&state->probe, WATCH);
}

static void look(struct limits *state, __u64 now)
{
	__u64 before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool eager = is_eager(state, now);

	read_numbers(state);
	read_use(&state->files, 0);
	read_use(&state->aio, state->number[AIO]);
	visit(state);
	if (state->pids_peak < state->live->ts_limits_pids)
		state->pids_peak = state->live->ts_limits_pids;
	state->live->ts_limits_pids = 0;
	if (ts_probe_status(&state->probe, WATCH, NULL) == TS_STATUS_OK)
		watch(state,
		      ts_limits_watch_wanted(&state->when, something_is_near(state, eager), now));
	state->looked_ns = now;
	state->next_ns = now + ts_pace_rest(TS_PACE_LIMITS, eager,
					    ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before);
}

static void limits_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct limits *state = opaque;

	if (now >= state->next_ns && (is_eager(state, now) || now - state->looked_ns >= LOOK_NS))
		look(state, now);
}

static int limits_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct limits *state = calloc(1, sizeof *state);
	int error;

	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "out of memory");
	if (!state)
		return -ENOMEM;
	state->when.opened_ns = ts_pace_opened(live);
	state->inotify = inotify_init1(IN_CLOEXEC);
	/* What cannot be read is not known: the rest is. */
	for (int i = 0; i < NUMBERS; i++)
		(void)ts_procfile_open(&state->number_file[i], live->proc, numbers[i].file);
	(void)ts_procfile_open(&state->files.file, live->proc, "sys/fs/file-nr");
	(void)ts_procfile_open(&state->aio.file, live->proc, "sys/fs/aio-nr");
	error = load(state, live, status, why);
	if (error) {
		limits_close(state);
		return error;
	}
	ts_skeleton_close(limits, state->skeleton);
	state->live->ts_limits_inotify = (__u32)(state->inotify + 1);
	look(state, ts_clock_ns(CLOCK_MONOTONIC));
	*opaque = state;
	return 0;
}

/* ---- Snapshot */

static __u64 since_last(struct limits *state, const struct ts_limit_key *key, __u64 count)
{
	__u64 before;

	for (size_t i = 0; i < state->seen_count; i++) {
		if (memcmp(&state->seen[i].key, key, sizeof *key))
			continue;
		before = state->seen[i].count;
		state->seen[i].count = count;
		return count - before;
	}
	if (state->seen_count < TS_LIMIT_ENTRIES)
		state->seen[state->seen_count++] = (struct seen){*key, count};
	return count;
}

static void add_entry(struct limits *state, struct ts_snapshot *snapshot, struct ts_limit_key *key,
		      struct ts_limit_entry *entry)
{
	char owner[TS_LIMIT_CGROUP + 16];
	const char *const label[TS_LABELS_MAX] = {names[key->limit], owner, key->comm};
	__u64 since;

	key->comm[sizeof key->comm - 1] = entry->cgroup[sizeof entry->cgroup - 1] = '\0';
	snprintf(owner, sizeof owner, "user %u", key->uid);
	if (key->cgroup)
		snprintf(owner, sizeof owner, "cgroup %s", entry->cgroup);
	ts_snapshot_counter(snapshot, TS_FAMILY_LIMIT_REACHED, label, entry->reached);
	ts_snapshot_counter(snapshot, TS_FAMILY_LIMIT_ERRORS, label, entry->errors);
	ts_snapshot_gauge(snapshot, TS_FAMILY_LIMIT_USED, label, (double)entry->used);
	ts_snapshot_gauge(snapshot, TS_FAMILY_LIMIT_ALLOWED, label, (double)entry->allowed);
	since = since_last(state, key, entry->reached + entry->errors);
	if (since)
		ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
						       .family = TS_FAMILY_LIMIT_REACHED,
						       .label = {label[0], label[1], label[2], ""},
						       .pid = (int)entry->pid,
						       .comm = key->comm,
						       .cgroup = entry->cgroup,
						       .value = (double)since,
					       });
}

static void add_entries(struct limits *state, struct ts_snapshot *snapshot)
{
	int map = state->entries->fd;
	struct ts_limit_key key, *last = NULL;
	struct ts_limit_entry entry;

	for (size_t i = 0; i < TS_LIMIT_ENTRIES && !bpf_map_get_next_key(map, last, &key); i++) {
		struct ts_limit_key shown = key;

		last = &key;
		if (!bpf_map_lookup_elem(map, &key, &entry) && key.limit < TS_LIMITS)
			add_entry(state, snapshot, &shown, &entry);
	}
}

static void add_use(struct ts_snapshot *snapshot, enum ts_limit limit, __u64 used, __u64 allowed)
{
	const char *const label[TS_LABELS_MAX] = {names[limit], "", ""};

	if (allowed == NO_LIMIT)
		return;
	ts_snapshot_gauge(snapshot, TS_FAMILY_LIMIT_USED, label, (double)used);
	ts_snapshot_gauge(snapshot, TS_FAMILY_LIMIT_ALLOWED, label, (double)allowed);
}

static void add_uses(struct limits *state, struct ts_snapshot *snapshot)
{
	if (state->files.known)
		add_use(snapshot, TS_LIMIT_FILES, state->files.peak, state->files.allowed);
	if (state->aio.known)
		add_use(snapshot, TS_LIMIT_AIO, state->aio.peak, state->aio.allowed);
	if (state->pids_peak) {
		add_use(snapshot, TS_LIMIT_PIDS, state->pids_peak, state->number[PIDS]);
		add_use(snapshot, TS_LIMIT_THREADS, state->pids_peak, state->number[THREADS]);
	}
	state->files.peak = state->files.now;
	state->aio.peak = state->aio.now;
	state->pids_peak = 0;
}

/* Of the programs all but the last are needed to say that nobody came near a limit. */
static void set_status(struct limits *state, struct ts_snapshot *snapshot)
{
	static const char *const needed[] = {VISIT, "ts_limits_task_begins", "ts_limits_task_ends"};
	enum ts_status status = state->visit_error ? TS_STATUS_FAILED : TS_STATUS_OK;
	const char *why = "";
	char text[256] = "";

	if (state->visit_error)
		snprintf(text, sizeof text, "tasks cannot be visited: %s",
			 strerror(-state->visit_error));
	for (size_t i = 0; i < sizeof needed / sizeof *needed && status == TS_STATUS_OK; i++) {
		status = ts_probe_status(&state->probe, needed[i], &why);
		snprintf(text, sizeof text, "%s", why);
	}
	ts_snapshot_source_status(snapshot, TS_SOURCE_LIMITS, status, text);
	if (status != TS_STATUS_OK)
		return;
	status = ts_probe_status(&state->probe, WATCH, &why);
	if (!state->can_watch)
		why = "this kernel's BPF has no bpf_get_current_task_btf (5.11)";
	snprintf(text, sizeof text, "%s", why);
	if (state->watch_error) {
		status = TS_STATUS_FAILED;
		snprintf(text, sizeof text, "system calls cannot be watched: %s",
			 strerror(-state->watch_error));
	}
	if (status == TS_STATUS_OK)
		return;
	ts_snapshot_family_status(snapshot, TS_FAMILY_LIMIT_ERRORS, status, text);
	ts_snapshot_family_status(snapshot, TS_FAMILY_LIMIT_WATCHED, status, text);
}

static void limits_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct limits *state = opaque;
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (now >= state->next_ns && now - state->looked_ns >= LOOK_NS / 2)
		look(state, now);
	add_entries(state, snapshot);
	add_uses(state, snapshot);
	ts_snapshot_counter(snapshot, TS_FAMILY_LIMIT_WATCHED, NULL,
			    ts_limits_watched_ns(&state->when, now));
	set_status(state, snapshot);
	snapshot->cost.lost_events += state->live->ts_limits_lost;
	ts_probe_cost(&state->probe, snapshot);
}

const struct ts_source ts_source_limits = {
	.id = TS_SOURCE_LIMITS,
	.open = limits_open,
	.tick = limits_tick,
	.snapshot = limits_snapshot,
	.close = limits_close,
};
