// SPDX-License-Identifier: GPL-2.0-only
#include "sched_timestamps.h"

#include <fcntl.h>
#include <string.h>
#include <bpf/btf.h>

#include "procfile.h"

static bool type_has_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	const struct btf_member *member = btf_members(type);

	for (int i = 0; i < btf_vlen(type); i++, member++) {
		const char *member_name = btf__name_by_offset(btf, member->name_off);
		const struct btf_type *inner = btf__type_by_id(btf, member->type);

		if (!strcmp(member_name, name))
			return true;
		/* Fields may sit in an anonymous struct (CONFIG_RANDSTRUCT). */
		if (!*member_name && btf_is_composite(inner) && type_has_member(btf, inner, name))
			return true;
	}
	return false;
}

bool ts_btf_struct_has(const struct btf *btf, const char *structure, const char *member)
{
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);

	return id > 0 && type_has_member(btf, btf__type_by_id(btf, id), member);
}

bool ts_kernel_keeps_timestamps(const struct ts_live *live)
{
	static const struct {
		const char *structure, *member;
	} needed[] = {
		{"task_struct", "sched_info"},
		{"sched_info", "last_queued"},
		{"sched_info", "run_delay"},
		{"sched_info", "pcount"},
		{"sched_info", "last_arrival"},
		{"sched_entity", "cfs_rq"},
		{"cfs_rq", "rq"}, /* FAIR_GROUP_SCHED */
		{"rq", "clock"},
	};
	char path[TS_PROC_PATH_MAX], text[64];

	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (!ts_btf_struct_has(live->kernel_btf, needed[i].structure, needed[i].member))
			return false;
	/*
	 * Since 5.14 they are always kept (c5895d3f06cb, "sched: Simplify sched_info_on()"; the
	 * same release renamed task_struct.state). Before, not when delay accounting was off in a
	 * kernel without SCHEDSTATS, and then every task's schedstat is zeros.
	 */
	if (ts_btf_struct_has(live->kernel_btf, "task_struct", "__state"))
		return true;
	if (ts_live_path(live, "/proc/self/schedstat", path, sizeof path) ||
	    ts_read_small(AT_FDCWD, path, text, sizeof text) < 0)
		return false;
	return strcmp(text, "0 0 0") != 0;
}
