// SPDX-License-Identifier: GPL-2.0-only
#include "block_unseen.h"

#include "diskstats.h"

#define SETS	   (1u << TS_BLOCK_STAMP_SET_BITS)
#define PLACES_MAX 64 /* further ones are seen to at the next snapshot */

/* A place in the tables of those in flight, and who stood in it. */
struct place {
	__u64 *request, address;
	const struct ts_block_stamp *stamp;
};

/* The kernel keeps no account of flushes and of commands to the controller. */
static bool is_accounted(struct place place, unsigned int slot)
{
	return place.address && place.stamp->device == slot && place.stamp->op != TS_BLOCK_FLUSH &&
	       place.stamp->op != TS_BLOCK_OTHER;
}

static size_t find_places(struct ts_block_device *device, unsigned int slot,
			  struct ts_block_stamp_set *sets, struct place found[PLACES_MAX])
{
	struct place place = {&device->near, device->near, &device->near_stamp};
	size_t count = 0;

	if (is_accounted(place, slot))
		found[count++] = place;
	for (size_t i = 0; i < SETS; i++)
		for (size_t way = 0; way < TS_BLOCK_STAMP_WAYS && count < PLACES_MAX; way++) {
			place = (struct place){&sets[i].request[way], sets[i].request[way],
					       &sets[i].stamp[way]};
			if (is_accounted(place, slot))
				found[count++] = place;
		}
	return count;
}

void ts_block_forget_unseen(struct ts_block_device *device, unsigned int slot,
			    struct ts_block_stamp_set *sets, const char *sys, const char *name)
{
	struct place place[PLACES_MAX];
	size_t count = find_places(device, slot, sets, place);

	/* Idle now: all of those have completed. */
	if (!count || !ts_disk_is_idle(sys, name))
		return;
	for (size_t i = 0; i < count; i++) {
		__u64 step = TS_BLOCK_IN_FLIGHT(place[i].stamp->op);

		if (__atomic_compare_exchange_n(place[i].request, &place[i].address, 0, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			__atomic_sub_fetch(&device->in_flight, step, __ATOMIC_SEQ_CST);
	}
}

void ts_block_forget_slot(struct ts_block_stamp_set *sets, unsigned int slot)
{
	for (size_t i = 0; i < SETS; i++)
		for (size_t way = 0; way < TS_BLOCK_STAMP_WAYS; way++)
			if (sets[i].request[way] && sets[i].stamp[way].device == slot)
				sets[i].request[way] = 0;
}
