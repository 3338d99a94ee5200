// SPDX-License-Identifier: GPL-2.0-only
#include "sched_sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <tunescope/sched.h>

#include "clock.h"
#include "procfile.h"

#define SESSIONS    16
#define NAMES	    8		 /* read in a snapshot, of the sessions that waited most */
#define TASK_SHARE  100		 /* a task that waited for less than 1 in so many is left out */
#define HOST_SHARE  10		 /* below 1 in so many of a task waiting nobody looks who it was */
#define UNIT_SHIFT  16		 /* what tasks waited and ran is remembered in units of 65 us */
#define WAITING_MAX 65536	 /* tasks that wait, in one look */
#define RECENT_MAX  512		 /* sessions told apart in one look */
#define LOOK_NS	    500000000ULL /* between two looks, at least */
/*
 * Looking between two snapshots takes at most 1 in so many of the time: first, as a look at the
 * host takes seconds; later, as a recording goes on for days.
 */
#define EAGER_NS	12000000000ULL
#define EAGER_COST	1000
#define LOOK_COST	2500
#define RECORDS_AT_ONCE 256

/* A task at the last look. */
struct seen {
	__u32 waited, ran; /* in units; they wrap in days */
};

struct waiting_task {
	__u32 pid;
	__u64 waited; /* since the last look */
};

/* The tasks of one session that are alike in both; all is cumulative. */
struct session_part {
	bool listed;
	__u64 waited, ran;
};

struct session {
	__u32 id;
	bool used;
	struct session_part part[TS_SCHED_SHARINGS][TS_SCHED_CLASSES];
	__u64 recent; /* waited since the last snapshot */
	struct waiting_task worst;
	__u8 sharing, class; /* of the worst */
};

struct ts_sched_sessions {
	struct bpf_link *visit;
	__u32 slots;
	/* By slot: address space for all, memory only for pages with tasks in them. */
	struct seen *seen;
	bool has_base; /* all tasks were visited once */
	__u64 opened_ns;
	__u64 visited_ns;	     /* when that was, last */
	__u64 look_ns, last_look_ns; /* this look and the one before */
	__u64 cpu_ns, gap_ns;	     /* CPU time when it began; time until the next one */
	/* The last time somebody asked whether one is due. */
	__u64 asked_ns, asked_waited;
	struct session session[SESSIONS], other;
	/* Of this look. */
	__u64 waited;
	struct waiting_task *waiting;
	size_t waiting_count, waiting_capacity;
	struct session *recent;
	size_t recent_count, recent_capacity;
};

static const char *const sharing_names[TS_SCHED_SHARINGS] = {
	[TS_SCHED_SHARED_BY_TASK] = "task",
	[TS_SCHED_SHARED_BY_SESSION] = "session",
	[TS_SCHED_SHARED_BY_CGROUP] = "cgroup",
};

static const char *const class_names[TS_SCHED_CLASSES] = {
	[TS_SCHED_NORMAL] = "normal",
	[TS_SCHED_BACKGROUND] = "background",
	[TS_SCHED_REALTIME] = "realtime",
};

void ts_sched_sessions_status(struct ts_snapshot *snapshot, enum ts_status status, const char *why)
{
	ts_snapshot_family_status(snapshot, TS_FAMILY_SESSION_WAIT, status, why);
	ts_snapshot_family_status(snapshot, TS_FAMILY_SESSION_RUN, status, why);
}

struct ts_sched_sessions *ts_sched_sessions_open(struct bpf_program *visit, __u32 slots,
						 __u64 opened_ns)
{
	struct ts_sched_sessions *sessions = calloc(1, sizeof *sessions);

	if (!sessions)
		return NULL;
	sessions->slots = slots;
	sessions->opened_ns = opened_ns;
	sessions->seen = mmap(NULL, slots * sizeof *sessions->seen, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sessions->seen == MAP_FAILED)
		sessions->seen = NULL;
	else
		sessions->visit = bpf_program__attach_iter(visit, NULL);
	if (!sessions->visit) {
		int error = errno;

		ts_sched_sessions_close(sessions);
		errno = error;
		return NULL;
	}
	return sessions;
}

void ts_sched_sessions_close(struct ts_sched_sessions *sessions)
{
	if (!sessions)
		return;
	bpf_link__destroy(sessions->visit);
	if (sessions->seen)
		munmap(sessions->seen, sessions->slots * sizeof *sessions->seen);
	free(sessions->waiting);
	free(sessions->recent);
	free(sessions);
}

bool ts_sched_sessions_due(struct ts_sched_sessions *sessions, __u64 monotonic_ns, __u64 waited_ns)
{
	__u64 interval = monotonic_ns - sessions->asked_ns;
	__u64 waited = waited_ns - sessions->asked_waited;

	if (!sessions->has_base || interval < sessions->gap_ns)
		return false;
	sessions->asked_ns = monotonic_ns;
	sessions->asked_waited = waited_ns;
	return waited >= interval / HOST_SHARE && monotonic_ns - sessions->look_ns >= LOOK_NS &&
	       monotonic_ns - sessions->look_ns >= sessions->gap_ns;
}

void ts_sched_sessions_begin(struct ts_sched_sessions *sessions, __u64 monotonic_ns)
{
	sessions->last_look_ns = sessions->look_ns;
	sessions->look_ns = monotonic_ns;
	sessions->cpu_ns = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	sessions->waited = 0;
	sessions->waiting_count = 0;
	sessions->recent_count = 0;
}

static void add_waiting(struct ts_sched_sessions *sessions, __u32 pid, __u64 ns)
{
	struct waiting_task *larger;
	size_t capacity;

	if (sessions->waiting_count == sessions->waiting_capacity) {
		capacity = sessions->waiting_capacity ? 2 * sessions->waiting_capacity : 64;
		larger = capacity <= WAITING_MAX
				 ? reallocarray(sessions->waiting, capacity, sizeof *larger)
				 : NULL;
		if (!larger)
			return;
		sessions->waiting = larger;
		sessions->waiting_capacity = capacity;
	}
	sessions->waiting[sessions->waiting_count++] = (struct waiting_task){pid, ns};
}

void ts_sched_sessions_task(struct ts_sched_sessions *sessions, __u32 slot, __u32 pid,
			    __u64 waited_ns)
{
	struct seen *seen = &sessions->seen[slot];
	__u32 now = (__u32)(waited_ns >> UNIT_SHIFT), before = seen->waited;
	__u64 waited;

	if (now == before)
		return;
	seen->waited = now;
	/* One that went down is another task of the same pid. */
	waited = (__u64)(now < before ? now : now - before) << UNIT_SHIFT;
	sessions->waited += waited;
	if (waited >= (sessions->look_ns - sessions->last_look_ns) / TASK_SHARE)
		add_waiting(sessions, pid, waited);
}

/* ---- The tasks */

static int by_pid(const void *a, const void *b)
{
	const struct waiting_task *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct waiting_task *find_waiting(const struct ts_sched_sessions *sessions, __u32 pid)
{
	return sessions->waiting_count
		       ? bsearch(&(struct waiting_task){.pid = pid}, sessions->waiting,
				 sessions->waiting_count, sizeof *sessions->waiting, by_pid)
		       : NULL;
}

/*
 * What a task ran since the last look. When the tasks were not visited then, because nobody waited,
 * it is counted since they were, and is at most the time that the task did not wait.
 */
static __u64 ran_since(const struct ts_sched_sessions *sessions,
		       const struct ts_sched_visited *task, __u64 waited)
{
	__u64 interval = sessions->look_ns - sessions->last_look_ns;
	__u32 before = task->started >= sessions->visited_ns
			       ? 0
			       : sessions->seen[task->pid & (sessions->slots - 1)].ran;
	__u64 ran = (__u64)((__u32)(task->ran >> UNIT_SHIFT) - before) << UNIT_SHIFT;
	__u64 most = interval > waited ? interval - waited : 0;

	return ran < most ? ran : most;
}

/* What a session waited since the last look; nearly always it is one of those found last. */
static struct session *recent_session(struct ts_sched_sessions *sessions, __u32 id)
{
	struct session *larger;
	size_t capacity;

	for (size_t i = sessions->recent_count; i--;)
		if (sessions->recent[i].id == id)
			return &sessions->recent[i];
	if (sessions->recent_count == RECENT_MAX)
		return &sessions->other;
	if (sessions->recent_count == sessions->recent_capacity) {
		capacity = sessions->recent_capacity ? 2 * sessions->recent_capacity : 16;
		larger = reallocarray(sessions->recent, capacity, sizeof *larger);
		if (!larger)
			return NULL;
		sessions->recent = larger;
		sessions->recent_capacity = capacity;
	}
	sessions->recent[sessions->recent_count] = (struct session){.id = id};
	return &sessions->recent[sessions->recent_count++];
}

static void attribute(struct ts_sched_sessions *sessions, const struct ts_sched_visited *task)
{
	const struct waiting_task *waiting = find_waiting(sessions, task->pid);
	struct session_part *part;
	struct session *session;

	if (!waiting || task->sharing >= TS_SCHED_SHARINGS || task->class >= TS_SCHED_CLASSES)
		return;
	session = recent_session(sessions, task->session);
	if (!session)
		return;
	part = &session->part[task->sharing][task->class];
	part->listed = true;
	part->waited += waiting->waited;
	part->ran += ran_since(sessions, task, waiting->waited);
	session->recent += waiting->waited;
	if (waiting->waited > session->worst.waited) {
		session->worst = *waiting;
		session->sharing = task->sharing;
		session->class = task->class;
	}
}

/* Goes through all tasks. 0, or a negative errno. */
static int visit_tasks(struct ts_sched_sessions *sessions)
{
	struct ts_sched_visited task[RECORDS_AT_ONCE];
	int iterator = bpf_iter_create(bpf_link__fd(sessions->visit));
	size_t have = 0, whole;
	ssize_t length;

	if (iterator < 0)
		return -errno;
	while ((length = read(iterator, (char *)task + have, sizeof task - have)) > 0 ||
	       (length < 0 && (errno == EAGAIN || errno == EINTR))) {
		if (length < 0)
			continue;
		have += (size_t)length;
		whole = have / sizeof task[0];
		for (size_t i = 0; i < whole; i++) {
			attribute(sessions, &task[i]);
			sessions->seen[task[i].pid & (sessions->slots - 1)].ran =
				(__u32)(task[i].ran >> UNIT_SHIFT);
		}
		have -= whole * sizeof task[0];
		memmove(task, &task[whole], have); /* a read may end within a record */
	}
	length = length < 0 ? -errno : 0;
	close(iterator);
	sessions->visited_ns = sessions->look_ns;
	return (int)length;
}

/* ---- The sessions */

static int most_recent_wait_first(const void *a, const void *b)
{
	const struct session *x = a, *y = b;

	return (x->recent < y->recent) - (x->recent > y->recent);
}

/* Its own entry, else one that waits less now than it does; NULL: it goes to the others. */
static struct session *entry_for(struct ts_sched_sessions *sessions, const struct session *recent)
{
	struct session *least = NULL;

	for (size_t i = 0; i < SESSIONS; i++) {
		struct session *entry = &sessions->session[i];

		if (entry->used && entry->id == recent->id)
			return entry;
		if (!least || (least->used && (!entry->used || entry->recent < least->recent)))
			least = entry;
	}
	if (least->used && least->recent >= recent->recent)
		return NULL;
	*least = (struct session){.id = recent->id, .used = true};
	return least;
}

static void add_parts(struct session *to, const struct session *recent)
{
	for (size_t sharing = 0; sharing < TS_SCHED_SHARINGS; sharing++)
		for (size_t class = 0; class < TS_SCHED_CLASSES; class ++) {
			const struct session_part *part = &recent->part[sharing][class];

			to->part[sharing][class].listed |= part->listed;
			to->part[sharing][class].waited += part->waited;
			to->part[sharing][class].ran += part->ran;
		}
	to->recent += recent->recent;
	if (recent->worst.waited > to->worst.waited) {
		to->worst = recent->worst;
		to->sharing = recent->sharing;
		to->class = recent->class;
	}
}

/*
 * The worst come first, so that no session loses its entry to one that waited less. What an entry
 * had counted ends with it: should its session come back, it counts from zero.
 */
static void keep_worst(struct ts_sched_sessions *sessions)
{
	if (sessions->recent_count)
		qsort(sessions->recent, sessions->recent_count, sizeof *sessions->recent,
		      most_recent_wait_first);
	for (size_t i = 0; i < sessions->recent_count; i++) {
		struct session *entry = entry_for(sessions, &sessions->recent[i]);

		add_parts(entry ? entry : &sessions->other, &sessions->recent[i]);
	}
}

static void add_series(struct ts_snapshot *snapshot, const struct session *session,
		       const char *label)
{
	for (size_t sharing = 0; sharing < TS_SCHED_SHARINGS; sharing++)
		for (size_t class = 0; class < TS_SCHED_CLASSES; class ++) {
			const struct session_part *part = &session->part[sharing][class];
			const char *const labels[TS_LABELS_MAX] = {label, sharing_names[sharing],
								   class_names[class]};

			if (!part->listed)
				continue;
			ts_snapshot_counter(snapshot, TS_FAMILY_SESSION_WAIT, labels, part->waited);
			ts_snapshot_counter(snapshot, TS_FAMILY_SESSION_RUN, labels, part->ran);
		}
}

static bool read_comm(const struct ts_live *live, __u32 pid, char *comm, size_t size)
{
	char path[64], full[TS_PROC_PATH_MAX];

	snprintf(path, sizeof path, "/proc/%u/comm", pid);
	return !ts_live_path(live, path, full, sizeof full) &&
	       ts_read_small(AT_FDCWD, full, comm, size) >= 0;
}

/* A session bears the name of its leader, or of the task that waits most when that has ended. */
static void name_session(const struct ts_live *live, const struct session *session,
			 struct ts_snapshot *snapshot)
{
	char label[16], comm[64] = "";
	bool leads = session->id && read_comm(live, session->id, comm, sizeof comm);
	struct ts_sufferer sufferer = {
		.family = TS_FAMILY_SESSION_WAIT,
		.label = {label, sharing_names[session->sharing], class_names[session->class], ""},
		.pid = (int)(leads ? session->id : session->worst.pid),
		.comm = comm,
		.cgroup = "",
		.value = (double)session->recent / 1e9,
	};

	snprintf(label, sizeof label, "%u", session->id);
	if (leads || read_comm(live, session->worst.pid, comm, sizeof comm))
		ts_snapshot_sufferer(snapshot, &sufferer);
}

int ts_sched_sessions_end(struct ts_sched_sessions *sessions, bool due)
{
	__u64 interval = sessions->look_ns - sessions->last_look_ns;
	bool first = !sessions->has_base, eager;
	int error;

	/* The first time only what tasks have run by then is learned. */
	if (first)
		sessions->waiting_count = 0;
	if (!first && !due && sessions->waited < interval / HOST_SHARE)
		return 0;
	if (sessions->waiting_count)
		qsort(sessions->waiting, sessions->waiting_count, sizeof *sessions->waiting,
		      by_pid);
	error = visit_tasks(sessions);
	if (error)
		return error;
	sessions->has_base = true;
	keep_worst(sessions);
	eager = sessions->look_ns - sessions->opened_ns < EAGER_NS;
	sessions->gap_ns = (ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - sessions->cpu_ns) *
			   (eager ? EAGER_COST : LOOK_COST);
	if (sessions->gap_ns < LOOK_NS)
		sessions->gap_ns = LOOK_NS;
	return 0;
}

void ts_sched_sessions_snapshot(struct ts_sched_sessions *sessions, const struct ts_live *live,
				struct ts_snapshot *snapshot)
{
	const struct session *order[SESSIONS];
	size_t suffering = 0;
	char label[16];

	ts_sched_sessions_status(snapshot, TS_STATUS_OK, "");
	for (size_t i = 0; i < SESSIONS; i++) {
		struct session *session = &sessions->session[i];
		size_t at = suffering;

		if (!session->used)
			continue;
		snprintf(label, sizeof label, "%u", session->id);
		add_series(snapshot, session, label);
		if (!session->recent)
			continue;
		for (; at && order[at - 1]->recent < session->recent; at--)
			order[at] = order[at - 1];
		order[at] = session;
		suffering++;
	}
	add_series(snapshot, &sessions->other, "other");
	for (size_t i = 0; i < suffering && i < NAMES; i++)
		name_session(live, order[i], snapshot);
	for (size_t i = 0; i < SESSIONS; i++) {
		sessions->session[i].recent = 0;
		sessions->session[i].worst.waited = 0;
	}
}
