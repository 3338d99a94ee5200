// SPDX-License-Identifier: GPL-2.0-only
/* Programs that go through their memory in order, or all over it, told from each other. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <errno.h>

#include "../../user/live/access_samples.h"

#define BYTES  (256UL << 20)
#define WORDS  (BYTES / sizeof(__u64))
#define FEW    (1UL << 13) /* 64 KiB */
#define ENOUGH 150	   /* moments */
#define TRIES  30	   /* tenths of a second */
#define MOSTLY 0.5

static volatile __u64 kept;

static __u64 next_number(__u64 number)
{
	number ^= number << 13;
	number ^= number >> 7;
	return number ^ number << 17;
}

static void in_order(const __u64 *words)
{
	for (size_t i = 0; i < WORDS; i++)
		kept += words[i];
}

static void all_over(const __u64 *words)
{
	static __u64 number = 88172645463325252ULL;

	for (size_t i = 0; i < WORDS / 64; i++)
		kept += words[(number = next_number(number)) % WORDS];
}

static void in_a_small_part(const __u64 *words)
{
	static __u64 number = 88172645463325252ULL;

	for (size_t i = 0; i < WORDS / 64; i++)
		kept += words[(number = next_number(number)) % FEW];
}

static pid_t begin(void (*work)(const __u64 *words), const __u64 *words)
{
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			work(words);
	}
	assert_true(child > 0);
	return child;
}

/* The share of its moments that the program is at accesses all over the mapping. */
static double share_of(void (*work)(const __u64 *words))
{
	__u64 *words = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct ts_mapping mapping = {.begin = (__u64)words, .end = (__u64)words + BYTES};
	struct ts_access_counts counts = {0};
	struct ts_access_samples samples;
	pid_t child;

	assert_ptr_not_equal(words, MAP_FAILED);
	child = begin(work, words);
	for (int i = 0; i < TRIES && counts.all < ENOUGH; i++) {
		assert_int_equal(ts_access_samples_open(&samples, child, child), 0);
		usleep(100000 * (useconds_t)(i + 2));
		counts = ts_access_samples_count(&samples, &mapping);
		ts_access_samples_close(&samples);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(words, BYTES);
	assert_true(counts.all >= ENOUGH);
	return (double)counts.random / (double)counts.all;
}

static void patterns(void **state)
{
#ifdef __x86_64__
	assert_true(share_of(all_over) > MOSTLY);
	assert_true(share_of(in_order) == 0);
	assert_true(share_of(in_a_small_part) == 0);
#else
	struct ts_access_samples samples;

	assert_int_equal(ts_access_samples_open(&samples, getpid(), getpid()), -EOPNOTSUPP);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
