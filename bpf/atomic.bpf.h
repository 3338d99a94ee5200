/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Atomic operations that return what was there. BPF has them since 5.12 (5ffa25502b5a, "bpf: Add
 * instructions for atomic_[cmp]xchg", and 5ca419f2864a, "bpf: Add BPF_FETCH field / create
 * atomic_fetch_add instruction"); before, the verifier refuses any program in which one stands,
 * reached or not. Objects that use them are built a second time, with TS_WITHOUT_FETCH, and user
 * space opens the one that this kernel takes (ts_skeleton_open).
 */
#ifndef TUNESCOPE_ATOMIC_BPF_H
#define TUNESCOPE_ATOMIC_BPF_H

#include <bpf/bpf_helpers.h>

/*
 * Instead of what was there: nothing was done, as who has the lock does not go on. Nobody's key,
 * and not TS_SLOT_RESTING. It may be asked for the next time: nothing that stays may be made of it.
 */
#define TS_BUSY (~1ULL)

#ifndef TS_WITHOUT_FETCH

static __always_inline bool ts_is_busy(__u64 found)
{
	return false;
}

static __always_inline __u64 ts_compare_and_swap(__u64 *place, __u64 expected, __u64 value,
						 __u32 lock)
{
	return __sync_val_compare_and_swap(place, expected, value);
}

static __always_inline __u64 ts_fetch_and_add_32(__u32 *place, __u32 value, __u32 lock)
{
	return __sync_fetch_and_add(place, value);
}

/* What was there is what nobody else has been told. */
static __always_inline __u64 ts_fetch_and_add(__u64 *place, __u64 value)
{
	return __sync_fetch_and_add(place, value);
}

#else

/* What others have added in between is in it, too. */
static __always_inline __u64 ts_fetch_and_add(__u64 *place, __u64 value)
{
	__sync_fetch_and_add(place, value);
	return *(volatile __u64 *)place - value;
}

/*
 * What is left is an addition that returns nothing. It makes a lock: whoever adds one and then
 * reads one has it. A program may interrupt the one that has it, on the same CPU: so nobody waits
 * for long.
 */
#define TS_LOCKS      64
#define TS_LOCK_TRIES 8

__u64 ts_locks[TS_LOCKS] SEC(".data.locks") = {0};

static __always_inline bool ts_is_busy(__u64 found)
{
	return found == TS_BUSY;
}

static __always_inline bool ts_lock(__u64 *lock)
{
#pragma unroll
	for (int i = 0; i < TS_LOCK_TRIES; i++) {
		__sync_fetch_and_add(lock, 1);
		if (*(volatile __u64 *)lock == 1)
			return true;
		__sync_fetch_and_add(lock, -1);
	}
	return false;
}

/* lock: a number that is the same for everybody who swaps in this place. */
static __always_inline __u64 ts_compare_and_swap(__u64 *place, __u64 expected, __u64 value,
						 __u32 lock)
{
	__u64 found = TS_BUSY;

	lock &= TS_LOCKS - 1;
	if (!ts_lock(&ts_locks[lock]))
		return found;
	found = *(volatile __u64 *)place;
	if (found == expected)
		*(volatile __u64 *)place = value;
	__sync_fetch_and_add(&ts_locks[lock], -1);
	return found;
}

static __always_inline __u64 ts_fetch_and_add_32(__u32 *place, __u32 value, __u32 lock)
{
	__u64 found = TS_BUSY;

	lock &= TS_LOCKS - 1;
	if (!ts_lock(&ts_locks[lock]))
		return found;
	found = *(volatile __u32 *)place;
	*(volatile __u32 *)place = found + value;
	__sync_fetch_and_add(&ts_locks[lock], -1);
	return found;
}

#endif

#endif
