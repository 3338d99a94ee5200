/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies the types one asks for, and what they are made of, out of a raw BTF into a small one. */
#ifndef TUNESCOPE_BTF_REDUCE_H
#define TUNESCOPE_BTF_REDUCE_H

#include <stddef.h>
#include <linux/types.h>

struct ts_btf_wanted {
	/* Structs, unions, enums and typedefs; both end with NULL. Up to 800 names together. */
	const char *const *names[2];
	const char *const *enumerators; /* enums that have one of these; ends with NULL */
};

struct ts_reduced_btf {
	void *data; /* a raw BTF; free it */
	size_t length;
	__u32 *original; /* of each of its types, the number it had; free it */
	__u32 types;	 /* in the whole, and void */
};

/*
 * Besides what is wanted, all tracepoints' prototypes (typedef btf_trace_…) and iterators (function
 * bpf_iter_…) are kept. Pointers lead nowhere, structs within others have their size and no members
 * unless they are wanted themselves. Negative errno when data is no BTF this knows.
 */
int ts_btf_reduce(const void *data, size_t length, const struct ts_btf_wanted *wanted,
		  struct ts_reduced_btf *reduced);

#endif
