/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels: each shim names the kernel change that made it necessary. Append
 * only.
 */
#ifndef TUNESCOPE_COMPAT_BPF_H
#define TUNESCOPE_COMPAT_BPF_H

#include <bpf/bpf_core_read.h>

/*
 * 5.14 renamed task_struct.state to __state and made it an unsigned int (2f064a59a11f, "sched:
 * Change task_struct::state").
 */
struct task_struct___before_5_14 {
	volatile long state;
} __attribute__((preserve_access_index));

static __always_inline bool ts_task_state(const struct task_struct *task)
{
	const struct task_struct___before_5_14 *old = (const void *)task;

	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return old->state;
}

/* The same of a task that is known by its address only, with the kind of sleep. */
static __always_inline __u32 ts_task_state_bits(const struct task_struct *task)
{
	const struct task_struct___before_5_14 *old = (const void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

/*
 * 5.15 gave request_queue a disk (d152c682f03c, "block: add an explicit ->disk backpointer to the
 * request_queue"), and 5.17 took rq_disk out of the request (f3fa33acca9f, "block: remove the
 * ->rq_disk field in struct request").
 */
struct request___before_5_17 {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

static __always_inline const struct gendisk *ts_request_disk(const struct request *request,
							     const struct request_queue *queue)
{
	const struct request___before_5_17 *old = (const void *)request;

	if (bpf_core_field_exists(queue->disk))
		return queue->disk;
	return old->rq_disk;
}

/*
 * 5.12 gave bio a block device in place of the disk (309dca309fc3, "block: store a block_device
 * pointer in struct bio").
 */
struct bio___before_5_12 {
	struct gendisk *bi_disk;
} __attribute__((preserve_access_index));

static __always_inline const struct gendisk *ts_bio_disk(const struct bio *bio)
{
	const struct bio___before_5_12 *old = (const void *)bio;

	/*
	 * Not followed directly: for a pointer from a trusted one the verifier searches all of the
	 * kernel's BTF.
	 */
	if (bpf_core_field_exists(bio->bi_bdev))
		return BPF_CORE_READ(bio, bi_bdev, bd_disk);
	return BPF_CORE_READ(old, bi_disk);
}

/*
 * 6.11 made the times of an inode numbers of their own (3aa63a569c64, "fs: switch timespec64 fields
 * in inode to discrete integers"); 6.7 had put underscores before their names (12cd44023651,
 * "fs: rename inode i_atime and i_mtime fields").
 */
struct inode___before_6_11 {
	struct timespec64 __i_atime, __i_mtime;
} __attribute__((preserve_access_index));

struct inode___before_6_7 {
	struct timespec64 i_atime, i_mtime;
} __attribute__((preserve_access_index));

static __always_inline bool ts_is_later(__s64 seconds, __s64 ns, __s64 than, __s64 than_ns)
{
	return seconds > than || (seconds == than && ns > than_ns);
}

static __always_inline bool ts_inode_read_since_written(const struct inode *inode)
{
	const struct inode___before_6_11 *old = (const void *)inode;
	const struct inode___before_6_7 *older = (const void *)inode;

	if (bpf_core_field_exists(inode->i_atime_sec))
		return ts_is_later(inode->i_atime_sec, inode->i_atime_nsec, inode->i_mtime_sec,
				   inode->i_mtime_nsec);
	if (bpf_core_field_exists(old->__i_atime))
		return ts_is_later(old->__i_atime.tv_sec, old->__i_atime.tv_nsec,
				   old->__i_mtime.tv_sec, old->__i_mtime.tv_nsec);
	return ts_is_later(older->i_atime.tv_sec, older->i_atime.tv_nsec, older->i_mtime.tv_sec,
			   older->i_mtime.tv_nsec);
}

#endif
