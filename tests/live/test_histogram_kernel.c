// SPDX-License-Identifier: GPL-2.0-only
/* The index functions as the kernel runs them, against the definition of the layout. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/types.h>

#include "../../user/core/arena.h"
#include "../../user/core/histogram.h"
#include "../histogram_reference.h"
#include "bpf/histogram_index.h"
#include "histogram_index.skel.h"

#define RANDOM_VALUES 4000000

struct reference_set {
	struct reference ns_global, ns_keyed, bytes_global, bytes_keyed;
};

static struct histogram_index_bpf *skeleton;
static struct reference_set reference;
static unsigned int filled;
static uint64_t compared;

static int open_program(void **state)
{
	reference_init(&reference.ns_global, 4, REFERENCE_NS_PER_UNIT);
	reference_init(&reference.ns_keyed, 3, REFERENCE_NS_PER_UNIT);
	reference_init(&reference.bytes_global, 4, REFERENCE_BYTES_PER_UNIT);
	reference_init(&reference.bytes_keyed, 3, REFERENCE_BYTES_PER_UNIT);
	skeleton = histogram_index_bpf__open_and_load();
	return skeleton ? 0 : -1;
}

static int close_program(void **state)
{
	histogram_index_bpf__destroy(skeleton);
	return 0;
}

static void run(struct bpf_program *program)
{
	unsigned char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof packet,
		    .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &options), 0);
}

static void compare_one(const char *what, const struct reference *expected, unsigned int scale,
			enum ts_unit unit, uint64_t value, unsigned int slot)
{
	unsigned int user = ts_histogram_slot(scale, unit, value);
	unsigned int by_definition = reference_slot(expected, value);

	if (slot != by_definition || user != by_definition)
		fail_msg("%s of %llu: kernel %u, user space %u, by definition %u", what,
			 (unsigned long long)value, slot, user, by_definition);
}

static void compare_batch(void)
{
	const struct histogram_index_batch *batch = &skeleton->bss->batch;
	unsigned int values = filled;

	filled = 0; /* also when a comparison below ends the test */
	run(skeleton->progs.index_batch);
	for (unsigned int i = 0; i < values; i++) {
		uint64_t value = batch->value[i];

		compare_one("ns, scale 4", &reference.ns_global, 4, TS_UNIT_SECONDS, value,
			    batch->ns_global[i]);
		compare_one("ns, scale 3", &reference.ns_keyed, 3, TS_UNIT_SECONDS, value,
			    batch->ns_keyed[i]);
		compare_one("bytes, scale 4", &reference.bytes_global, 4, TS_UNIT_BYTES, value,
			    batch->bytes_global[i]);
		compare_one("bytes, scale 3", &reference.bytes_keyed, 3, TS_UNIT_BYTES, value,
			    batch->bytes_keyed[i]);
	}
	compared += values;
}

static void put(uint64_t value)
{
	skeleton->bss->batch.value[filled++] = value;
	if (filled == HISTOGRAM_INDEX_BATCH)
		compare_batch();
}

static void every_small_value(void **state)
{
	for (uint64_t value = 0; value <= 1 << 16; value++)
		put(value);
	compare_batch();
}

static void around_every_bound(void **state)
{
	const struct reference *all[] = {&reference.ns_global, &reference.bytes_global};

	for (size_t r = 0; r < 2; r++) {
		for (unsigned int i = 0; i < all[r]->bounds; i++) {
			uint64_t bound = (uint64_t)all[r]->bound[i];

			for (uint64_t value = bound ? bound - 1 : 0; value <= bound + 2; value++)
				put(value);
		}
	}
	for (int bit = 0; bit < 64; bit++) {
		put((1ULL << bit) - 1);
		put(1ULL << bit);
		put((1ULL << bit) + 1);
	}
	put(UINT64_MAX);
	put(64000000000ULL);
	put(64000000001ULL);
	compare_batch();
}

static void random_magnitudes(void **state)
{
	uint64_t seed = 20240607;

	for (int i = 0; i < RANDOM_VALUES; i++)
		put(reference_random_magnitude(&seed));
	compare_batch();
	assert_true(compared > RANDOM_VALUES);
}

/* What the programs count is what user space would have recorded. */
static void counting(void **state)
{
	struct ts_arena *arena = ts_arena_new();
	struct ts_histogram *expected[2], *counted[2];
	uint64_t seed = 99;

	for (unsigned int scale = 3; scale <= 4; scale++) {
		expected[scale - 3] = ts_histogram_new(arena, scale, TS_UNIT_SECONDS);
		counted[scale - 3] = ts_histogram_new(arena, scale, TS_UNIT_SECONDS);
	}
	for (int run_number = 0; run_number < 20; run_number++) {
		for (int i = 0; i < HISTOGRAM_INDEX_BATCH; i++) {
			uint64_t value = reference_random_magnitude(&seed) >> 20;

			skeleton->bss->batch.value[i] = value;
			ts_histogram_add(expected[0], value, 1);
			ts_histogram_add(expected[1], value, 1);
		}
		run(skeleton->progs.count_batch);
	}
	ts_histogram_add_raw(counted[0], skeleton->bss->counted_keyed.sum,
			     skeleton->bss->counted_keyed.max, skeleton->bss->counted_keyed.slot);
	ts_histogram_add_raw(counted[1], skeleton->bss->counted_global.sum,
			     skeleton->bss->counted_global.max, skeleton->bss->counted_global.slot);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(counted[i], expected[i],
				    sizeof **expected +
					    TS_HISTOGRAM_SLOTS(expected[i]->scale) * sizeof(__u64));
	ts_arena_free(arena);
}

/* Jumps that depend on a comparison, in the program as the compiler made it. */
static unsigned int conditional_jumps(const struct bpf_program *program)
{
	const struct bpf_insn *instruction = bpf_program__insns(program);
	size_t count = bpf_program__insn_cnt(program);
	unsigned int jumps = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned int class = BPF_CLASS(instruction[i].code);
		unsigned int operation = BPF_OP(instruction[i].code);

		if (class == BPF_JMP32)
			jumps++;
		else if (class == BPF_JMP)
			jumps += operation != BPF_JA && operation != BPF_CALL &&
				 operation != BPF_EXIT;
	}
	return jumps;
}

/*
 * Latencies of different magnitude follow each other in no order, so a branch on them would be
 * mispredicted. Only the two range checks may be left: beyond the range, and zero.
 */
static void no_branch_depends_on_the_value(void **state)
{
	assert_in_range(conditional_jumps(skeleton->progs.index_ns), 1, 2);
	assert_in_range(conditional_jumps(skeleton->progs.index_bytes), 1, 2);
	/* The check checks: a loop has a jump more. */
	assert_true(conditional_jumps(skeleton->progs.index_batch) > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_value),
		cmocka_unit_test(around_every_bound),
		cmocka_unit_test(random_magnitudes),
		cmocka_unit_test(counting),
		cmocka_unit_test(no_branch_depends_on_the_value),
	};

	return cmocka_run_group_tests(tests, open_program, close_program);
}
