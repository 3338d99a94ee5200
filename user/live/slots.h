/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places in the tables of a BPF program that pass from one owner to the next. The program claims a
 * place by writing its owner's key where 0 stands, and counts there; user space gives it back in
 * two steps, so that the tables never need to be cleared:
 *
 *   close  the owner is gone: its key gives way to TS_SLOT_RESTING, under which nobody finds the
 *          place any more. A program that has just looked it up may still finish counting.
 *   free   a while later: what stands in the place is noted as its base, which is subtracted from
 *          what the next owner counts, and the key becomes 0.
 */
#ifndef TUNESCOPE_SLOTS_H
#define TUNESCOPE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct ts_map;
struct ts_histogram;

#define TS_SLOT_RESTING (~0ULL) /* no owner's key */
#define TS_SLOT_REST_NS 3000000000ULL
/* Nothing counted for so long after its owner was found gone: nothing is still under way. */
#define TS_SLOT_GONE_NS 5000000000ULL
/* An owner that may come back loses its place after so long, and only when places are short. */
#define TS_SLOT_IDLE_NS 600000000000ULL

struct ts_slot_word {
	__u32 index;
	__u64 value;
};

struct ts_slot {
	__u64 owner;	  /* key; 0: none, or at rest */
	__u64 mark;	  /* a number that changes whenever the owner counts */
	__u64 counted_ns; /* when it was seen to have changed; before that, when the owner was met
			   */
	__u64 closed_ns;
	__u64 label, shown_round;  /* under which it was last shown, and when */
	struct ts_slot_word *base; /* what former owners left: the words that are not 0 */
	size_t bases;
};

struct ts_slots {
	struct ts_slot *slot;
	size_t count;
	__u64 round;
};

bool ts_slots_open(struct ts_slots *slots, size_t count); /* false: out of memory */
void ts_slots_close(struct ts_slots *slots);

/* A snapshot begins. */
void ts_slots_begin(struct ts_slots *slots);

/*
 * Whether slot number i may be shown in this snapshot under a label (any number that stands for
 * it). Not when another slot is, or was in the snapshot before: the difference of the two would be
 * of things that have nothing to do with each other. After a snapshot without the label it counts
 * from zero, rightly.
 */
bool ts_slots_show(struct ts_slots *slots, size_t i, __u64 label);

__u64 ts_slot_label(const char *text);

/* Slots in use, those at rest included, are more than three quarters. */
bool ts_slots_scarce(const struct ts_slots *slots);

/* Each time the slot is read. True when the owner is a new one. */
bool ts_slot_see(struct ts_slot *slot, __u64 key, __u64 mark, __u64 now_ns);
bool ts_slot_idle(const struct ts_slot *slot, __u64 now_ns, __u64 for_ns);

/* key: where it stands in the program's table. */
void ts_slot_close(struct ts_slot *slot, __u64 *key, __u64 now_ns);
bool ts_slot_rested(const struct ts_slot *slot, __u64 now_ns);
/* words: all that the program has counted in the slot; it stays at rest when memory is short. */
void ts_slot_free(struct ts_slot *slot, __u64 *key, const __u64 *words, size_t count);

/* Takes the base off the words from number first on. Not for maxima. */
void ts_slot_subtract(const struct ts_slot *slot, size_t first, __u64 *words, size_t count);

/*
 * Adds what the owner has counted in a histogram (sum, maximum, slots, as it stands in a map, its
 * first word being number first). The maximum is exact when it beats that of the former owners;
 * else it is the bound of the highest bucket in use.
 */
void ts_slot_histogram(const struct ts_slot *slot, size_t first, const __u64 *words,
		       struct ts_histogram *histogram);

/*
 * As ts_map_view (probe.h), to write keys. Of the second only the first bytes are mapped: the
 * kernel puts all pages of a view in place at once, and they count as this process's memory.
 */
void *ts_slots_map(const struct ts_map *map, size_t *length);
void *ts_slots_map_head(const struct ts_map *map, size_t bytes, size_t *length);

#endif
