// SPDX-License-Identifier: GPL-2.0-only
#include "access_samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include "memory_operand.h"

#define PERIOD_NS  1000000ULL
#define RING_PAGES 64 /* a power of two */
#define MOST	   1500
#define HUGE_SHIFT 21
/* Of neighbours by the instruction they stand at: so many lie above the one before. */
#define UP_LEAST 0.35
#define UP_MOST	 0.65
#define PAIRS	 50
#define SPREAD	 64 /* huge pages that were accessed, at least: no TLB has them as small ones */
#define CROWDED	 4  /* times the mean number of accesses of a huge page: it may be in a cache */

/* ---- Registers of a moment */

#ifdef __x86_64__
#include <asm/perf_regs.h>
/* In the order of the processor's encoding. */
static const unsigned char order[TS_REGISTERS] = {
	PERF_REG_X86_AX,  PERF_REG_X86_CX,  PERF_REG_X86_DX,  PERF_REG_X86_BX,
	PERF_REG_X86_SP,  PERF_REG_X86_BP,  PERF_REG_X86_SI,  PERF_REG_X86_DI,
	PERF_REG_X86_R8,  PERF_REG_X86_R9,  PERF_REG_X86_R10, PERF_REG_X86_R11,
	PERF_REG_X86_R12, PERF_REG_X86_R13, PERF_REG_X86_R14, PERF_REG_X86_R15,
};
#define SUPPORTED true
#else
static const unsigned char order[TS_REGISTERS] = {0};
#define SUPPORTED false
#endif

static __u64 mask(void)
{
	__u64 bits = 0;

	for (int i = 0; i < TS_REGISTERS; i++)
		bits |= 1ULL << order[i];
	return bits;
}

struct moment {
	struct perf_event_header header;
	__u64 instruction, abi, registers[TS_REGISTERS];
};

/* They are written in the order of their numbers. */
static void sort_registers(const struct moment *moment, __u64 registers[TS_REGISTERS])
{
	for (int i = 0; i < TS_REGISTERS; i++) {
		int place = 0;

		for (int j = 0; j < TS_REGISTERS; j++)
			place += order[j] < order[i];
		registers[i] = moment->registers[place];
	}
}

/* ---- Sampling */

int ts_access_samples_open(struct ts_access_samples *samples, int pid, int thread)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attributes,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_REGS_USER,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.sample_regs_user = mask(),
	};
	long page = sysconf(_SC_PAGESIZE);

	*samples = (struct ts_access_samples){.descriptor = -1, .pid = pid};
	if (!SUPPORTED)
		return -EOPNOTSUPP;
	samples->descriptor = (int)syscall(SYS_perf_event_open, &attributes, thread, -1, -1,
					   PERF_FLAG_FD_CLOEXEC);
	if (samples->descriptor < 0)
		return -errno;
	samples->ring = mmap(NULL, (size_t)((RING_PAGES + 1) * page), PROT_READ | PROT_WRITE,
			     MAP_SHARED, samples->descriptor, 0);
	if (samples->ring != MAP_FAILED)
		return 0;
	samples->ring = NULL;
	ts_access_samples_close(samples);
	return -ENOMEM;
}

void ts_access_samples_close(struct ts_access_samples *samples)
{
	if (samples->ring)
		munmap(samples->ring, (size_t)((RING_PAGES + 1) * sysconf(_SC_PAGESIZE)));
	if (samples->descriptor >= 0)
		close(samples->descriptor);
	samples->ring = NULL;
	samples->descriptor = -1;
}

/* The record at *tail, in one piece; moves *tail behind it. */
static void take(const struct ts_access_samples *samples, __u64 *tail, struct moment *moment)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = RING_PAGES * page;
	const unsigned char *data = (const unsigned char *)samples->ring + page;
	unsigned char *to = (unsigned char *)moment;

	memset(moment, 0, sizeof *moment);
	for (size_t i = 0; i < sizeof moment->header; i++)
		to[i] = data[(*tail + i) % size];
	for (size_t i = sizeof moment->header; i < moment->header.size && i < sizeof *moment; i++)
		to[i] = data[(*tail + i) % size];
	*tail += moment->header.size;
}

/* ---- What they access */

struct access {
	__u64 instruction, address;
	unsigned int number;
};

/*
 * An interrupt comes when an instruction that waited for memory is done: it is the one before that
 * matters. What ends there is found by trying; that the address lies in the mapping confirms it.
 */
static bool address_of(const struct ts_access_samples *samples, const struct moment *moment,
		       const struct ts_mapping *mapping, __u64 *address)
{
	unsigned char code[2 * TS_INSTRUCTION_BYTES] = {0};
	struct iovec here = {code, sizeof code},
		     there = {(void *)(moment->instruction - TS_INSTRUCTION_BYTES), sizeof code};
	__u64 registers[TS_REGISTERS];

	if (!moment->abi ||
	    process_vm_readv(samples->pid, &here, 1, &there, 1, 0) < TS_INSTRUCTION_BYTES)
		return false;
	sort_registers(moment, registers);
	for (size_t at = 1; at <= TS_INSTRUCTION_BYTES; at++) {
		size_t length = ts_memory_operand(code + at, registers, address);

		if (length && (at + length == TS_INSTRUCTION_BYTES || at == TS_INSTRUCTION_BYTES) &&
		    *address >= mapping->begin && *address < mapping->end)
			return true;
	}
	return false;
}

static size_t collect(struct ts_access_samples *samples, const struct ts_mapping *mapping,
		      struct access *accesses, __u64 *all)
{
	struct perf_event_mmap_page *control = samples->ring;
	__u64 head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	__u64 tail = control->data_tail;
	size_t count = 0;

	while (tail < head && count < MOST) {
		struct moment moment;
		__u64 address;

		take(samples, &tail, &moment);
		if (moment.header.size < sizeof moment.header)
			break;
		if (moment.header.type != PERF_RECORD_SAMPLE)
			continue;
		++*all;
		if (!address_of(samples, &moment, mapping, &address))
			continue;
		accesses[count] = (struct access){moment.instruction, address, (unsigned int)count};
		count++;
	}
	__atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
	return count;
}

/* ---- Whether there is an order in them */

static int by_instruction(const void *a, const void *b)
{
	const struct access *x = a, *y = b;

	if (x->instruction != y->instruction)
		return x->instruction < y->instruction ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static int by_address(const void *a, const void *b)
{
	const struct access *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/*
 * Whoever goes through memory in order goes up (or down) from one moment to the next, each
 * instruction by itself; seldom back to the start.
 */
static bool is_without_order(struct access *accesses, size_t count)
{
	double pairs = 0, up = 0;

	qsort(accesses, count, sizeof *accesses, by_instruction);
	for (size_t i = 1; i < count; i++) {
		if (accesses[i].instruction != accesses[i - 1].instruction)
			continue;
		pairs++;
		up += accesses[i].address > accesses[i - 1].address;
	}
	return pairs >= PAIRS && up >= UP_LEAST * pairs && up <= UP_MOST * pairs;
}

static size_t same_block(const struct access *accesses, size_t count)
{
	size_t same = 1;

	while (same < count &&
	       accesses[same].address >> HUGE_SHIFT == accesses[0].address >> HUGE_SHIFT)
		same++;
	return same;
}

/* Those in huge pages that are not accessed much more often than the others. */
static __u64 spread_out(struct access *accesses, size_t count)
{
	size_t blocks = 0;
	__u64 spread = 0;

	qsort(accesses, count, sizeof *accesses, by_address);
	for (size_t i = 0; i < count; i += same_block(accesses + i, count - i))
		blocks++;
	if (blocks < SPREAD)
		return 0;
	for (size_t i = 0, same; i < count; i += same) {
		same = same_block(accesses + i, count - i);
		if (same * blocks <= CROWDED * count)
			spread += same;
	}
	return spread;
}

struct ts_access_counts ts_access_samples_count(struct ts_access_samples *samples,
						const struct ts_mapping *mapping)
{
	struct access *accesses = calloc(MOST, sizeof *accesses);
	struct ts_access_counts counts = {0};
	size_t count;

	if (!accesses)
		return counts;
	count = collect(samples, mapping, accesses, &counts.all);
	if (is_without_order(accesses, count))
		counts.random = spread_out(accesses, count);
	free(accesses);
	return counts;
}
