/* SPDX-License-Identifier: GPL-2.0-only */
/* Enumerators of the kernel's BTF by their own name: many enums have none, so CO-RE cannot ask. */
#ifndef TUNESCOPE_BTF_ENUM_H
#define TUNESCOPE_BTF_ENUM_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct btf;

struct ts_btf_enumerator {
	const char *name;
	__u32 value; /* what it has where the kernel's BTF does not know the name */
};

/* One pass over the kernel's enums: overwrites the values of the names that are found. */
void ts_btf_enumerators(const struct btf *btf, struct ts_btf_enumerator *row, size_t rows);

#endif
