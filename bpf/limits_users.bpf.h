/* SPDX-License-Identifier: GPL-2.0-only */
/* What users hold of inotify, in each of the user namespaces they are in. Part of limits.bpf.c. */
#ifndef TUNESCOPE_LIMITS_USERS_BPF_H
#define TUNESCOPE_LIMITS_USERS_BPF_H

#define USER_LEVELS 3

static __always_inline struct held counted(const struct ucounts *counts, __u64 number)
{
	const struct user_namespace *ns = BPF_CORE_READ(counts, ns);
	struct held held = {0};
	long allowed = 0;

	bpf_probe_read_kernel(&held.used, sizeof held.used,
			      (const void *)&counts->ucount[0] + 8 * number);
	bpf_probe_read_kernel(&allowed, sizeof allowed,
			      (const void *)&ns->ucount_max[0] + 8 * number);
	held.allowed = allowed > 0 ? allowed : 0;
	return held;
}

/*
 * A user namespace counts for its users, and all of it for whoever has made it: the level at which
 * the least is left.
 */
static __always_inline struct held user_held(const struct task_struct *task, __u64 number)
{
	const struct ucounts *counts = BPF_CORE_READ(task, cred, ucounts);
	struct held least = counted(counts, number), held;

	for (int i = 0; i < USER_LEVELS; i++) {
		counts = BPF_CORE_READ(counts, ns, ucounts);
		if (!counts)
			break;
		held = counted(counts, number);
		if ((__s64)(held.allowed - held.used) < (__s64)(least.allowed - least.used))
			least = held;
	}
	return least;
}

#define INOTIFY(what) bpf_core_enum_value(enum ucount_type, UCOUNT_INOTIFY_##what)

static __always_inline void check_inotify(const struct task_struct *task)
{
	struct held held;

	if (!bpf_core_enum_value_exists(enum ucount_type, UCOUNT_INOTIFY_WATCHES) ||
	    !bpf_core_field_exists(task->cred->ucounts))
		return;
	held = user_held(task, INOTIFY(WATCHES));
	hold(task, TS_LIMIT_WATCHES, held.used, held.allowed, held.allowed, NULL);
	held = user_held(task, INOTIFY(INSTANCES));
	hold(task, TS_LIMIT_INSTANCES, held.used, held.allowed, held.allowed, NULL);
}

#endif
