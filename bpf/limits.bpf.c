// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that have nothing left. Nothing runs but when a task begins or ends, and once in a while
 * for all tasks together; the program that sees system calls fail is attached only while something
 * stands near its limit.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <tunescope/limits.h>
#include <bpf/bpf_helpers.h>

#define NO_DESCRIPTORS	 24 /* EMFILE */
#define NO_FILES	 23 /* ENFILE */
#define NO_MEMORY	 12 /* ENOMEM */
#define NO_MORE		 11 /* EAGAIN */
#define NO_SPACE	 28 /* ENOSPC */

#define LIMIT_DATA	 2
#define LIMIT_NPROC	 6
#define LIMIT_NOFILE	 7
#define LIMIT_AS	 9
#define KERNEL_THREAD	 0x00200000 /* PF_KTHREAD */
#define RESERVED_PIDS	 300	    /* given out once only, when the host starts */
#define PID_COUNT	 0x7fffffff /* the top bit of pid_allocated is a flag */
#define NO_CGROUP_LIMIT	 4194304
#define CAN_PASS_LIMITS	 (1ULL << 21 | 1ULL << 24) /* CAP_SYS_ADMIN, CAP_SYS_RESOURCE */
#define PAGE_SHIFT	 12
#define HUGE_PAGES	 0x40000 /* MAP_HUGETLB */
#define NEAR(allowed)	 ((allowed) - ((allowed) >> 3))
#define PID_LEVELS	 8
#define CGROUP_LEVELS	 8
#define DESCRIPTOR_WORDS 32  /* of 64 bits, each of which is 64 descriptors */
#define AIO_CONTEXTS	 512 /* a power of two; looked at up to twice that */

const volatile struct ts_limits_calls ts_limits_calls = {0};

struct ts_limits_allowed ts_limits_allowed = {0};
/* Something has come near its limit; set back by whoever reads it. */
__u32 ts_limits_near[TS_LIMITS] = {0};
/* The most tasks (pids) of the host at once, since it was set back. */
__u64 ts_limits_pids = 0;
__u64 ts_limits_lost = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TS_LIMIT_ENTRIES);
	__type(key, struct ts_limit_key);
	__type(value, struct ts_limit_entry);
} ts_limit_entries SEC(".maps");

/* ---- Noting */

static __always_inline void begin_entry(const struct ts_limit_key *key,
					const struct task_struct *task)
{
	const struct cgroup_subsys_state *cgroup = (void *)key->cgroup;
	struct ts_limit_entry first = {.pid = BPF_CORE_READ(task, tgid)};

	if (cgroup)
		bpf_probe_read_kernel_str(first.cgroup, sizeof first.cgroup,
					  BPF_CORE_READ(cgroup, cgroup, kn, name));
	bpf_map_update_elem(&ts_limit_entries, key, &first, BPF_NOEXIST);
}

#define FAILED 0x10000 /* with the limit's number: a call has failed */

/*
 * A rare thing, and a function of its own, with numbers only: the verifier then looks at it once,
 * not for each way that leads to it.
 */
__noinline int ts_limits_note(__u64 address, __u32 what, __u64 used, __u64 allowed, __u64 cgroup)
{
	const struct task_struct *task = (void *)address;
	struct ts_limit_key key = {.limit = what & ~FAILED, .cgroup = cgroup};
	struct ts_limit_entry *entry;
	bool has_failed = what & FAILED;

	key.uid = BPF_CORE_READ(task, cred, euid.val);
	bpf_probe_read_kernel_str(key.comm, sizeof key.comm, &task->comm);
	entry = bpf_map_lookup_elem(&ts_limit_entries, &key);
	if (!entry) {
		begin_entry(&key, task);
		entry = bpf_map_lookup_elem(&ts_limit_entries, &key);
	}
	if (!entry) {
		__sync_fetch_and_add(&ts_limits_lost, 1);
		return 0;
	}
	__sync_fetch_and_add(&entry->errors, has_failed);
	__sync_fetch_and_add(&entry->reached, !has_failed);
	entry->used = used;
	entry->allowed = allowed;
	return 0;
}

/* As a number: those functions do not take pointers. */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof address, &pointer);
	return address;
}

/* used of allowed, with nothing left from full on. */
static __always_inline void hold(const struct task_struct *task, __u32 limit, __u64 used,
				 __u64 allowed, __u64 full,
				 const struct cgroup_subsys_state *cgroup)
{
	if (used < NEAR(full) || !allowed)
		return;
	ts_limits_near[limit] = 1;
	if (used >= full)
		ts_limits_note(address_of(task), limit, used, allowed, address_of(cgroup));
}

static __always_inline void failed(const struct task_struct *task, __u32 limit, __u64 used,
				   __u64 allowed)
{
	ts_limits_near[limit] = 1;
	ts_limits_note(address_of(task), limit | FAILED, used, allowed, 0);
}

/* ---- What a process holds */

struct held {
	__u64 used, allowed;
};

/* Without a branch for each bit, which the verifier would follow. */
static __always_inline __u64 bits_set(__u64 word)
{
	word -= (word >> 1) & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) + ((word >> 2) & 0x3333333333333333ULL);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (word * 0x0101010101010101ULL) >> 56;
}

/* Whole words only: a lower bound. words: address of the table's full_fds_bits. */
__noinline __u64 ts_limits_full_words(__u64 words, __u64 allowed)
{
	__u64 descriptors = 0, bits;

	for (__u32 i = 0; i < DESCRIPTOR_WORDS && (__u64)i << 12 < allowed; i++) {
		if (bpf_probe_read_kernel(&bits, sizeof bits, (void *)(words + 8 * i)))
			break;
		descriptors += 64 * bits_set(bits);
	}
	return descriptors < allowed ? descriptors : allowed;
}

/* All below next_fd are in use. What a table has no room for has never been in use. */
static __always_inline struct held descriptors(const struct task_struct *task)
{
	struct held held = {.allowed = BPF_CORE_READ(task, signal, rlim[LIMIT_NOFILE].rlim_cur)};
	const struct files_struct *files = BPF_CORE_READ(task, files);

	if (held.allowed > ts_limits_allowed.nr_open)
		held.allowed = ts_limits_allowed.nr_open;
	if (!files)
		return held;
	held.used = BPF_CORE_READ(files, next_fd);
	if (held.used >= held.allowed)
		held.used = held.allowed;
	else if (BPF_CORE_READ(files, fdt, max_fds) >= NEAR(held.allowed))
		held.used = ts_limits_full_words((__u64)BPF_CORE_READ(files, fdt, full_fds_bits),
						 held.allowed);
	return held;
}

static __always_inline __u32 descriptor_limit(const struct task_struct *task)
{
	return BPF_CORE_READ(task, signal, rlim[LIMIT_NOFILE].rlim_cur) > ts_limits_allowed.nr_open
		       ? TS_LIMIT_NR_OPEN
		       : TS_LIMIT_NOFILE;
}

static __always_inline void check_descriptors(const struct task_struct *task)
{
	struct held held = descriptors(task);

	hold(task, descriptor_limit(task), held.used, held.allowed, held.allowed, NULL);
}

static __always_inline void check_mappings(const struct task_struct *task)
{
	const struct mm_struct *mm = BPF_CORE_READ(task, mm);

	if (mm)
		hold(task, TS_LIMIT_MAPPINGS, BPF_CORE_READ(mm, map_count),
		     ts_limits_allowed.mappings, ts_limits_allowed.mappings, NULL);
}

/*
 * A process whose memory is bounded by a limit of its own has something left nearly always, and
 * less than it asks for: calls that fail tell. Here it only shows that it is worth looking.
 */
static __always_inline void check_memory(const struct task_struct *task)
{
	const struct mm_struct *mm = BPF_CORE_READ(task, mm);

	if (!mm)
		return;
	if ((__u64)BPF_CORE_READ(mm, total_vm) >=
	    NEAR(BPF_CORE_READ(task, signal, rlim[LIMIT_AS].rlim_cur) >> PAGE_SHIFT))
		ts_limits_near[TS_LIMIT_ADDRESS_SPACE] = 1;
	if ((__u64)BPF_CORE_READ(mm, data_vm) >=
	    NEAR(BPF_CORE_READ(task, signal, rlim[LIMIT_DATA].rlim_cur) >> PAGE_SHIFT))
		ts_limits_near[TS_LIMIT_DATA] = 1;
}

/* ---- What a user holds */

#include "limits_users.bpf.h"
#include "limits_queues.bpf.h"

/* Two words of 32 bits until 6.3 (f122a08b197d, "capability: just use a 'u64' instead of …"). */
static __always_inline bool can_pass_limits(const struct task_struct *task)
{
	__u64 capabilities = 0;

	bpf_probe_read_kernel(&capabilities, sizeof capabilities,
			      &BPF_CORE_READ(task, cred)->cap_effective);
	return capabilities & CAN_PASS_LIMITS;
}

/* A new pipe wants 16 pages, and gets 2 when they would be more than allowed. */
static __always_inline void check_pipes(const struct task_struct *task)
{
	__u64 allowed = ts_limits_allowed.pipe_pages;

	if (allowed < 16 ||
	    (__u64)BPF_CORE_READ(task, cred, user, pipe_bufs.counter) < NEAR(allowed) ||
	    can_pass_limits(task))
		return;
	hold(task, TS_LIMIT_PIPE_PAGES, BPF_CORE_READ(task, cred, user, pipe_bufs.counter), allowed,
	     allowed - 15, NULL);
}

/* ---- Tasks */

/*
 * 5.14 counts them in ucounts (21d1c5e386bc, "Reimplement RLIMIT_NPROC on top of ucounts"), until
 * 5.19 among the other counts (de399236e240, "ucounts: Split rlimit and ucount values and max …").
 */
struct user_struct___before_5_14 {
	atomic_t processes;
} __attribute__((preserve_access_index));

enum ucount_type___before_5_19 {
	UCOUNT_RLIMIT_NPROC___before_5_19,
};
#define TASKS_BEFORE_5_19(ask) \
	ask(enum ucount_type___before_5_19, UCOUNT_RLIMIT_NPROC___before_5_19)

static __always_inline __u64 tasks_of_user(const struct task_struct *task)
{
	const struct user_struct___before_5_14 *old = (const void *)BPF_CORE_READ(task, cred, user);

	if (bpf_core_field_exists(task->cred->ucounts->rlimit))
		return BPF_CORE_READ(task, cred, ucounts, rlimit[0].counter);
	if (TASKS_BEFORE_5_19(bpf_core_enum_value_exists))
		return counted(BPF_CORE_READ(task, cred, ucounts),
			       TASKS_BEFORE_5_19(bpf_core_enum_value))
			.used;
	return BPF_CORE_READ(old, processes.counter);
}

static __always_inline void check_user_tasks(const struct task_struct *task)
{
	__u64 allowed = BPF_CORE_READ(task, signal, rlim[LIMIT_NPROC].rlim_cur),
	      used = tasks_of_user(task);

	if (used < NEAR(allowed) || !BPF_CORE_READ(task, cred, euid.val) || can_pass_limits(task))
		return;
	hold(task, TS_LIMIT_NPROC, used, allowed, allowed, NULL);
}

/* 6.14 has pid_max in each pid namespace (7863dcc72d0f, "pid: allow pid_max to be set per …"). */
static __always_inline __u64 pids_allowed(const struct pid_namespace *ns)
{
	return bpf_core_field_exists(ns->pid_max) ? (__u64)BPF_CORE_READ(ns, pid_max)
						  : ts_limits_allowed.pids;
}

static __always_inline const struct pid_namespace *first_namespace(const struct task_struct *task)
{
	const struct pid_namespace *ns = BPF_CORE_READ(task, nsproxy, pid_ns_for_children);

	for (int i = 0; i < PID_LEVELS && ns && BPF_CORE_READ(ns, level); i++)
		ns = BPF_CORE_READ(ns, parent);
	return ns;
}

static __always_inline void check_host_tasks(const struct task_struct *task)
{
	const struct pid_namespace *ns = first_namespace(task);
	__u64 used, pids;

	if (!ns)
		return;
	used = BPF_CORE_READ(ns, pid_allocated) & PID_COUNT;
	pids = pids_allowed(ns);
	if (used > ts_limits_pids)
		ts_limits_pids = used;
	if (pids > RESERVED_PIDS)
		hold(task, TS_LIMIT_PIDS, used, pids, pids - RESERVED_PIDS, NULL);
	hold(task, TS_LIMIT_THREADS, used, ts_limits_allowed.threads, ts_limits_allowed.threads,
	     NULL);
}

/*
 * Looked at with the first task of a pid namespace. Where its limit is the host's, the host comes
 * to it first.
 */
static __always_inline void check_namespace_tasks(const struct task_struct *task)
{
	const struct pid_namespace *ns = BPF_CORE_READ(task, nsproxy, pid_ns_for_children);
	__u64 allowed;

	if (!bpf_core_field_exists(ns->pid_max) || !ns || !BPF_CORE_READ(ns, level) ||
	    BPF_CORE_READ(ns, child_reaper) != task)
		return;
	allowed = BPF_CORE_READ(ns, pid_max);
	if (allowed > RESERVED_PIDS && allowed < ts_limits_allowed.pids)
		hold(task, TS_LIMIT_NAMESPACE_PIDS, BPF_CORE_READ(ns, pid_allocated) & PID_COUNT,
		     allowed, allowed - RESERVED_PIDS, NULL);
}

static __always_inline void check_cgroup_tasks(const struct task_struct *task)
{
	const struct cgroup_subsys_state *state = NULL;
	const struct pids_cgroup *pids;
	__u64 number = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id);
	const struct css_set *set = BPF_CORE_READ(task, cgroups);

	if (!bpf_core_type_exists(struct pids_cgroup) ||
	    !bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return;
	bpf_probe_read_kernel(&state, sizeof state, (const void *)&set->subsys[0] + 8 * number);
	for (int i = 0; i < CGROUP_LEVELS && state; i++) {
		__u64 allowed, used;

		pids = (const void *)state;
		allowed = BPF_CORE_READ(pids, limit.counter);
		if (allowed < NO_CGROUP_LIMIT) {
			used = BPF_CORE_READ(pids, counter.counter);
			hold(task, TS_LIMIT_CGROUP_PIDS, used, allowed, allowed, state);
		}
		state = BPF_CORE_READ(state, parent);
	}
}

/* ---- When they are looked at */

SEC("tp_btf/task_newtask")
int ts_limits_task_begins(__u64 *context)
{
	const struct task_struct *task = (void *)context[0];

	check_user_tasks(task);
	check_host_tasks(task);
	check_cgroup_tasks(task);
	return 0;
}

/* Contexts stand one after the other: how many, of a table with room for so many. */
__noinline __u64 ts_limits_aio_contexts(__u64 table, __u64 room)
{
	__u64 count = 0, one;

	for (__u32 step = AIO_CONTEXTS; step; step >>= 1) {
		__u64 at = count + step - 1;

		if (at >= room)
			continue;
		one = 0;
		bpf_probe_read_kernel(&one, sizeof one, (void *)(table + 8 * at));
		if (one)
			count += step;
	}
	return count;
}

/*
 * io_setup() fails when it asks for more than is left. A program's contexts mostly have one size:
 * the first stands for all.
 */
static __always_inline void check_aio(const struct task_struct *task)
{
	const struct kioctx_table *table;
	const struct kioctx *first = NULL;
	__u64 size, sum;

	if (!bpf_core_field_exists(task->mm->ioctx_table))
		return;
	table = BPF_CORE_READ(task, mm, ioctx_table);
	if (!table)
		return;
	bpf_probe_read_kernel(&first, sizeof first, &table->table[0]);
	size = first ? BPF_CORE_READ(first, max_reqs) : 0;
	if (!size || size >= ts_limits_allowed.aio)
		return;
	sum = size * ts_limits_aio_contexts((__u64)&table->table[0], BPF_CORE_READ(table, nr));
	hold(task, TS_LIMIT_AIO, sum, ts_limits_allowed.aio, ts_limits_allowed.aio - size + 1,
	     NULL);
}

/*
 * What a process held to its end: many a one that fails for a limit ends at once. Its memory is
 * gone already before 6.16 (1eaa82b54b9c, "exit: move and extend sched_process_exit() tracepoint").
 */
SEC("tp_btf/sched_process_exit")
int ts_limits_task_ends(__u64 *context)
{
	const struct task_struct *task = (void *)context[0];

	if (BPF_CORE_READ(task, signal, live.counter))
		return 0;
	check_descriptors(task);
	check_mappings(task);
	check_memory(task);
	check_aio(task);
	check_inotify(task);
	return 0;
}

SEC("iter/task")
int ts_limits_visit(struct bpf_iter__task *ctx)
{
	const struct task_struct *task = ctx->task;

	if (!task || task->pid != task->tgid || task->flags & KERNEL_THREAD ||
	    !BPF_CORE_READ(task, signal))
		return 0;
	check_descriptors(task);
	check_mappings(task);
	check_memory(task);
	check_inotify(task);
	if (has_inotify(task))
		check_queues(task);
	check_pipes(task);
	check_user_tasks(task);
	check_cgroup_tasks(task);
	check_namespace_tasks(task);
	if (task->pid == 1)
		check_host_tasks(task);
	return 0;
}

/* ---- Calls that fail; attached only while something stands near its limit */

static __always_inline __u32 call_number(const struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_arm64)
	return regs->syscallno;
#else
	return regs->orig_ax;
#endif
}

static __always_inline bool is_fork(__u32 call)
{
	return call == ts_limits_calls.clone || call == ts_limits_calls.clone3 ||
	       call == ts_limits_calls.fork || call == ts_limits_calls.vfork;
}

static __always_inline bool maps(__u32 call)
{
	return call == ts_limits_calls.mmap || call == ts_limits_calls.mremap ||
	       call == ts_limits_calls.mprotect || call == ts_limits_calls.munmap ||
	       call == ts_limits_calls.madvise;
}

static __always_inline void no_descriptor(const struct task_struct *task, __u32 call)
{
	struct held held = descriptors(task), instances = {0};

	if (call == ts_limits_calls.inotify_init || call == ts_limits_calls.inotify_init1)
		instances = user_held(task, INOTIFY(INSTANCES));
	if (instances.allowed && instances.used >= instances.allowed)
		failed(task, TS_LIMIT_INSTANCES, instances.used, instances.allowed);
	else
		failed(task, descriptor_limit(task), held.used, held.allowed);
}

/* Only these promise memory; others fail with the same error for an address where nothing is. */
static __always_inline bool promises(__u32 call, const struct pt_regs *regs)
{
	return is_fork(call) || call == ts_limits_calls.mremap ||
	       (call == ts_limits_calls.mmap && !(PT_REGS_PARM4_SYSCALL(regs) & HUGE_PAGES));
}

static __always_inline void no_memory(const struct task_struct *task, const struct pt_regs *regs,
				      __u32 call)
{
	const struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 bytes, data, more, allowed;

	if (!mm)
		return;
	if (maps(call) && (__u64)BPF_CORE_READ(mm, map_count) >= ts_limits_allowed.mappings) {
		failed(task, TS_LIMIT_MAPPINGS, BPF_CORE_READ(mm, map_count),
		       ts_limits_allowed.mappings);
		return;
	}
	if (!promises(call, regs))
		return;
	more = call == ts_limits_calls.mmap ? PT_REGS_PARM2(regs) : 0;
	bytes = ((__u64)BPF_CORE_READ(mm, total_vm) << PAGE_SHIFT) + more;
	allowed = BPF_CORE_READ(task, signal, rlim[LIMIT_AS].rlim_cur);
	if (bytes > allowed) {
		failed(task, TS_LIMIT_ADDRESS_SPACE, bytes, allowed);
		return;
	}
	data = ((__u64)BPF_CORE_READ(mm, data_vm) << PAGE_SHIFT) + more;
	allowed = BPF_CORE_READ(task, signal, rlim[LIMIT_DATA].rlim_cur);
	if (data > allowed && !is_fork(call))
		failed(task, TS_LIMIT_DATA, data, allowed);
	else
		failed(task, TS_LIMIT_COMMIT, bytes, ~0ULL);
}

/* A cgroup's limit is noted when it is reached, by the task that does. */
static __always_inline void no_task(const struct task_struct *task)
{
	const struct pid_namespace *ns = first_namespace(task);
	__u64 allowed = BPF_CORE_READ(task, signal, rlim[LIMIT_NPROC].rlim_cur),
	      used = tasks_of_user(task);
	__u64 pids, all;

	if (used >= allowed && BPF_CORE_READ(task, cred, euid.val) && !can_pass_limits(task)) {
		failed(task, TS_LIMIT_NPROC, used, allowed);
		return;
	}
	if (!ns)
		return;
	all = BPF_CORE_READ(ns, pid_allocated) & PID_COUNT;
	pids = pids_allowed(ns);
	if (all + 1 >= ts_limits_allowed.threads)
		failed(task, TS_LIMIT_THREADS, all, ts_limits_allowed.threads);
	else if (pids <= all + RESERVED_PIDS)
		failed(task, TS_LIMIT_PIDS, all, pids);
}

static __always_inline void call_failed(const struct task_struct *task, const struct pt_regs *regs,
					__u32 error)
{
	__u32 call = call_number(regs);
	struct held held;

	if (error == NO_DESCRIPTORS) {
		no_descriptor(task, call);
	} else if (error == NO_FILES) {
		if (call != ts_limits_calls.pipe && call != ts_limits_calls.pipe2)
			failed(task, TS_LIMIT_FILES, 0, 0);
	} else if (error == NO_MEMORY) {
		if (maps(call) || is_fork(call))
			no_memory(task, regs, call);
	} else if (error == NO_MORE) {
		if (is_fork(call))
			no_task(task);
		else if (call == ts_limits_calls.io_setup)
			failed(task, TS_LIMIT_AIO, 0, ts_limits_allowed.aio);
	} else if (error == NO_SPACE && call == ts_limits_calls.inotify_add_watch) {
		held = user_held(task, INOTIFY(WATCHES));
		failed(task, TS_LIMIT_WATCHES, held.used, held.allowed);
	}
}

SEC("?tp_btf/sys_exit")
int ts_limits_call_ends(__u64 *context)
{
	const struct pt_regs *regs = (void *)context[0];
	__u64 error = -context[1];

	if (error - NO_MORE > NO_SPACE - NO_MORE ||
	    /* 5.11; the program is not attached without it, but loaded with the others */
	    !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return 0;
	call_failed(bpf_get_current_task_btf(), regs, error);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
