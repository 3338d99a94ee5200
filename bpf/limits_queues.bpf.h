/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues of inotify that have lost events; included by limits.bpf.c, behind what notes limits. */
#ifndef TUNESCOPE_LIMITS_QUEUES_BPF_H
#define TUNESCOPE_LIMITS_QUEUES_BPF_H

#define QUEUE_FILES 128 /* descriptors of a process that are looked at */

/* One more than a descriptor of inotify of whoever looks, and the functions of its kind. */
__u32 ts_limits_inotify = 0;
__u64 ts_limits_inotify_calls = 0;

/* Instances of inotify whose queue was full when it was looked at last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TS_LIMIT_QUEUES);
	__type(key, __u64);
	__type(value, __u8);
} ts_limit_queues SEC(".maps");

static __always_inline bool has_inotify(const struct task_struct *task)
{
	return bpf_core_enum_value_exists(enum ucount_type, UCOUNT_INOTIFY_INSTANCES) &&
	       bpf_core_field_exists(task->cred->ucounts) &&
	       user_held(task, INOTIFY(INSTANCES)).used;
}

/*
 * The event that says that others were lost waits in the queue. Noted once for each time the queue
 * fills: a reader that never empties it is too slow.
 */
static __always_inline void check_queue(__u64 task, const struct fsnotify_group *group)
{
	__u64 key = (__u64)group, used = BPF_CORE_READ(group, q_len),
	      allowed = BPF_CORE_READ(group, max_events);
	const struct fsnotify_event *says_so = BPF_CORE_READ(group, overflow_event);
	bool lost = BPF_CORE_READ(says_so, list.next) != &says_so->list;
	__u8 full = 1;

	if (says_so && lost && !bpf_map_lookup_elem(&ts_limit_queues, &key)) {
		bpf_map_update_elem(&ts_limit_queues, &key, &full, BPF_ANY);
		ts_limits_note(task, TS_LIMIT_EVENTS, used, allowed, 0);
	} else if (used <= allowed / 2) {
		bpf_map_delete_elem(&ts_limit_queues, &key);
	}
}

/* at: address of the pointer to an open file. A function of its own, so that it is verified once.
 */
__noinline int ts_limits_queue(__u64 task, __u64 at)
{
	const struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof file, (void *)at);
	if (file && (__u64)BPF_CORE_READ(file, f_op) == ts_limits_inotify_calls)
		check_queue(task, BPF_CORE_READ(file, private_data));
	return 0;
}

/* table: address of the pointers to a process's open files, with room for so many. */
__noinline int ts_limits_queues(__u64 task, __u64 table, __u32 room)
{
	for (__u32 i = 0; i < QUEUE_FILES && i < room; i++)
		ts_limits_queue(task, table + 8 * i);
	return 0;
}

/* What the functions of inotify are shows in a descriptor of one's own. */
static __always_inline void check_queues(const struct task_struct *task)
{
	const struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	__u64 files = (__u64)BPF_CORE_READ(table, fd);
	const struct file *own = NULL;

	if (!table || !ts_limits_inotify)
		return;
	if (task->tgid == bpf_get_current_pid_tgid() >> 32) {
		bpf_probe_read_kernel(&own, sizeof own,
				      (void *)(files + 8 * (ts_limits_inotify - 1)));
		if (own)
			ts_limits_inotify_calls = (__u64)BPF_CORE_READ(own, f_op);
	} else if (ts_limits_inotify_calls) {
		ts_limits_queues(address_of(task), files, BPF_CORE_READ(table, max_fds));
	}
}

#endif
