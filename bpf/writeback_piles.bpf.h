/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is dirty on each device, and for how long it has been. The kernel keeps when a file was
 * first dirtied, and leaves that as it is when fsync() cleans it: a file that is written and synced
 * at once, again and again, would look as if it had waited. So the pile itself is looked at: now
 * and then, and whenever somebody syncs.
 */
#ifndef TUNESCOPE_WRITEBACK_PILES_BPF_H
#define TUNESCOPE_WRITEBACK_PILES_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <tunescope/writeback.h>
#include "atomic.bpf.h"
#include "core.bpf.h"

#define BDI_WRITEBACKS 8 /* one for each cgroup that writes; of more the first are looked at */

struct ts_writeback_pile ts_writeback_piles[TS_WRITEBACK_PILES] = {0};

/* A device's pages of one kind (enum wb_stat_item); each CPU may hold back a few. */
__noinline __s64 ts_writeback_pages(__u64 address, __u32 item)
{
	const struct backing_dev_info *bdi = (void *)address;
	__u64 head = address + bpf_core_field_offset(struct backing_dev_info, wb_list);
	__u64 at = (__u64)BPF_CORE_READ(bdi, wb_list.next), counter;
	__s64 pages = 0, count;

	for (__u32 i = 0; i < BDI_WRITEBACKS && at && at != head; i++) {
		at -= bpf_core_field_offset(struct bdi_writeback, bdi_node);
		counter = at + bpf_core_field_offset(struct bdi_writeback, stat) +
			  item * bpf_core_type_size(struct percpu_counter) +
			  bpf_core_field_offset(struct percpu_counter, count);
		if (!bpf_probe_read_kernel(&count, sizeof count, (void *)counter) && count > 0)
			pages += count;
		at = (__u64)BPF_CORE_READ((const struct bdi_writeback *)at, bdi_node.next);
	}
	return pages;
}

static __always_inline __u64 pile_key(__u64 bdi)
{
	return BPF_CORE_READ((const struct backing_dev_info *)bdi, id) + 1;
}

static __always_inline __u64 share(__u64 whole, __u64 part, __u64 of)
{
	return of ? whole / of * part : 0;
}

/*
 * What went away since the last look is being written, and taken to be as old as the rest. What has
 * come may have come just now.
 */
static __always_inline void look_at(struct ts_writeback_pile *pile)
{
	__u64 now = bpf_ktime_get_ns(), us = (now - pile->ns) / 1000, before = pile->pages;
	__u64 pages = ts_writeback_pages(pile->bdi, WB_RECLAIMABLE),
	      writing = ts_writeback_pages(pile->bdi, WB_WRITEBACK), stays;

	if (pages < before) {
		stays = share(pile->waited, pages, before);
		pile->moved_waited += pile->waited - stays;
		pile->moved += before - pages;
		pile->waited = stays;
		before = pages;
	}
	if (writing < pile->moved) {
		pile->moved_waited = share(pile->moved_waited, writing, pile->moved);
		pile->moved = writing;
	}
	pile->waited += before * us;
	pile->pages = pages;
	pile->ns = now;
}

static __always_inline void begin_pile(struct ts_writeback_pile *pile, __u64 bdi)
{
	pile->bdi = bdi;
	pile->waited = pile->pages = pile->moved = pile->moved_waited = 0;
	pile->ns = bpf_ktime_get_ns();
}

/* Number of a device's pile as seen last; TS_WRITEBACK_PILES when there is no room. */
__noinline __u64 ts_writeback_pile(__u64 bdi)
{
	__u64 key = pile_key(bdi);
	__u32 slot;

	for (__u32 i = 0; i < TS_WRITEBACK_PILES; i++) {
		slot = (key + i) & (TS_WRITEBACK_PILES - 1);
		if (ts_writeback_piles[slot].key == key)
			return slot;
	}
	for (__u32 i = 0; i < TS_WRITEBACK_PILES; i++) {
		slot = (key + i) & (TS_WRITEBACK_PILES - 1);
		if (!ts_compare_and_swap(&ts_writeback_piles[slot].key, 0, key, slot)) {
			begin_pile(&ts_writeback_piles[slot], bdi);
			return slot;
		}
	}
	return TS_WRITEBACK_PILES;
}

/*
 * The compiler knows what ts_writeback_pile returns and leaves out what is needless then; the
 * verifier does not, and wants it.
 */
static __always_inline struct ts_writeback_pile *pile_at(__u64 number)
{
	ts_opaque(number);
	return &ts_writeback_piles[number & (TS_WRITEBACK_PILES - 1)];
}

static __always_inline __u64 look(__u64 bdi)
{
	__u64 number = ts_writeback_pile(bdi);

	if (number < TS_WRITEBACK_PILES)
		look_at(pile_at(number));
	return number;
}

/* How long the pages of a pile, of which there are so many by now, have waited on average. */
static __always_inline __u64 waited_ns(__u64 number, __u64 pages)
{
	const struct ts_writeback_pile *pile;

	if (number >= TS_WRITEBACK_PILES)
		return 0;
	pile = pile_at(number);
	if (pages < pile->pages + pile->moved)
		pages = pile->pages + pile->moved;
	return pages ? (pile->waited + pile->moved_waited) / pages * 1000 : 0;
}

/* A function of its own, as are the others: the verifier then goes through it once. */
__noinline int ts_writeback_look_at(__u32 slot)
{
	struct ts_writeback_pile *pile = pile_at(slot);

	if (!pile->key)
		return 0;
	if (pile_key(pile->bdi) == pile->key)
		look_at(pile);
	else
		pile->key = 0; /* the device is gone */
	return 0;
}

#endif
