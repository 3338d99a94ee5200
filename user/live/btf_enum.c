// SPDX-License-Identifier: GPL-2.0-only
#include "btf_enum.h"

#include <string.h>
#include <bpf/btf.h>

static void look_in(const struct btf *btf, const struct btf_type *type,
		    struct ts_btf_enumerator *row, size_t rows)
{
	const struct btf_enum *value = btf_enum(type);

	for (unsigned int i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, value[i].name_off);

		for (size_t r = 0; name && r < rows; r++)
			if (!strcmp(name, row[r].name))
				row[r].value = (__u32)value[i].val;
	}
}

void ts_btf_enumerators(const struct btf *btf, struct ts_btf_enumerator *row, size_t rows)
{
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_enum(type))
			look_in(btf, type, row, rows);
	}
}
