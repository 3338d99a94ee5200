/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_TESTS_HISTOGRAM_INDEX_H
#define TUNESCOPE_TESTS_HISTOGRAM_INDEX_H

/* Values indexed by one run of the program: small enough for kernels without bpf_loop. */
#define HISTOGRAM_INDEX_BATCH 512

struct histogram_index_batch {
	__u64 value[HISTOGRAM_INDEX_BATCH];
	__u32 ns_global[HISTOGRAM_INDEX_BATCH];
	__u32 ns_keyed[HISTOGRAM_INDEX_BATCH];
	__u32 bytes_global[HISTOGRAM_INDEX_BATCH];
	__u32 bytes_keyed[HISTOGRAM_INDEX_BATCH];
};

#endif
