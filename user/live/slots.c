// SPDX-License-Identifier: GPL-2.0-only
#include "slots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/arena.h"
#include "../core/histogram.h"
#include "probe.h"

bool ts_slots_open(struct ts_slots *slots, size_t count)
{
	*slots = (struct ts_slots){
		.slot = calloc(count, sizeof *slots->slot),
		.count = count,
		.round = 1, /* no slot was shown in the round before */
	};
	return slots->slot;
}

void ts_slots_close(struct ts_slots *slots)
{
	for (size_t i = 0; slots->slot && i < slots->count; i++)
		free(slots->slot[i].base);
	free(slots->slot);
	*slots = (struct ts_slots){0};
}

void ts_slots_begin(struct ts_slots *slots)
{
	slots->round++;
}

bool ts_slots_show(struct ts_slots *slots, size_t i, __u64 label)
{
	struct ts_slot *slot = &slots->slot[i];
	bool was_shown = slot->label == label && slot->shown_round + 1 == slots->round;

	for (size_t j = 0; !was_shown && j < slots->count; j++) {
		const struct ts_slot *other = &slots->slot[j];

		if (other->shown_round + 1 >= slots->round && other->label == label)
			return false;
	}
	slot->label = label;
	slot->shown_round = slots->round;
	return true;
}

__u64 ts_slot_label(const char *text)
{
	__u64 hash = 14695981039346656037ULL; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	return hash;
}

bool ts_slots_scarce(const struct ts_slots *slots)
{
	size_t taken = 0;

	for (size_t i = 0; i < slots->count; i++)
		taken += slots->slot[i].owner || slots->slot[i].closed_ns;
	return taken * 4 > slots->count * 3;
}

bool ts_slot_see(struct ts_slot *slot, __u64 key, __u64 mark, __u64 now_ns)
{
	bool fresh = slot->owner != key;

	if (fresh || slot->mark != mark)
		slot->counted_ns = now_ns;
	slot->owner = key;
	slot->mark = mark;
	return fresh;
}

bool ts_slot_idle(const struct ts_slot *slot, __u64 now_ns, __u64 for_ns)
{
	return slot->owner && slot->counted_ns + for_ns <= now_ns;
}

void ts_slot_close(struct ts_slot *slot, __u64 *key, __u64 now_ns)
{
	__atomic_store_n(key, TS_SLOT_RESTING, __ATOMIC_SEQ_CST);
	slot->owner = 0;
	slot->closed_ns = now_ns;
}

bool ts_slot_rested(const struct ts_slot *slot, __u64 now_ns)
{
	return slot->closed_ns && slot->closed_ns + TS_SLOT_REST_NS <= now_ns;
}

void ts_slot_free(struct ts_slot *slot, __u64 *key, const __u64 *words, size_t count)
{
	struct ts_slot_word *base;
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		used += words[i] != 0;
	base = calloc(used + 1, sizeof *base);
	if (!base)
		return;
	used = 0;
	for (size_t i = 0; i < count; i++)
		if (words[i])
			base[used++] = (struct ts_slot_word){(__u32)i, words[i]};
	free(slot->base);
	slot->base = base;
	slot->bases = used;
	slot->closed_ns = 0;
	__atomic_store_n(key, 0, __ATOMIC_SEQ_CST);
}

void ts_slot_subtract(const struct ts_slot *slot, size_t first, __u64 *words, size_t count)
{
	for (size_t i = 0; i < slot->bases; i++)
		if (slot->base[i].index >= first && slot->base[i].index < first + count)
			words[slot->base[i].index - first] -= slot->base[i].value;
}

void ts_slot_histogram(const struct ts_slot *slot, size_t first, const __u64 *words,
		       struct ts_histogram *histogram)
{
	size_t slots = TS_HISTOGRAM_SLOTS(histogram->scale), count = 2 + slots;
	__u64 base[2 + TS_HISTOGRAM_SLOTS_KEYED] = {0};
	struct ts_histogram *earlier, *later;
	struct ts_arena *arena;
	bool based = false;

	for (size_t i = 0; i < slot->bases; i++) {
		const struct ts_slot_word *word = &slot->base[i];

		if (word->index < first || word->index >= first + count)
			continue;
		base[word->index - first] = word->value;
		based = true;
	}
	if (!based) {
		ts_histogram_add_raw(histogram, words[0], words[1], words + 2);
		return;
	}
	arena = ts_arena_new();
	earlier = ts_histogram_new(arena, histogram->scale, histogram->unit);
	later = ts_histogram_new(arena, histogram->scale, histogram->unit);
	ts_histogram_add_raw(earlier, base[0], base[1], base + 2);
	ts_histogram_add_raw(later, words[0], words[1], words + 2);
	ts_histogram_merge(histogram, ts_histogram_subtract(arena, later, earlier));
	ts_arena_free(arena);
}

void *ts_slots_map_head(const struct ts_map *map, size_t bytes, size_t *length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *view;

	*length = (bytes + page - 1) & ~(page - 1);
	view = mmap(NULL, *length, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd, 0);
	return view == MAP_FAILED ? NULL : view;
}

void *ts_slots_map(const struct ts_map *map, size_t *length)
{
	return ts_slots_map_head(map, map->bytes, length);
}
