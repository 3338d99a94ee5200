// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reduced types (kernel_types.h) beside all of them: programs, constants and map sizes must
 * come out the same, byte for byte, whichever of the two a source was opened with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>

#include "../../user/live/btf_reduce.h"
#include "../../user/live/kernel_types.h"
#include "../../user/live/netns.h"
#include "../../user/live/probe.h"
#include "../../user/live/sched.h"

#define KERNEL_BTF  "/sys/kernel/btf/vmlinux"
#define OBJECTS	    64
#define DESCRIPTORS 256

/* What one source has loaded. */
struct loaded {
	struct bpf_prog_info program[OBJECTS];
	size_t programs;
	struct map {
		struct bpf_map_info info;
		void *constants; /* of a map that nobody can write to */
	} map[OBJECTS];
	size_t maps;
};

static struct ts_netns_table netns;

static void *read_constants(int map, const struct bpf_map_info *info)
{
	__u32 key = 0;
	void *value;

	if (!strstr(info->name, ".rodata"))
		return NULL;
	value = calloc(1, info->value_size);
	assert_non_null(value);
	assert_int_equal(bpf_map_lookup_elem(map, &key, value), 0);
	return value;
}

static bool is_kind(int descriptor, const char *kind)
{
	char path[64], link[64];
	ssize_t length;

	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	length = readlink(path, link, sizeof link - 1);
	link[length > 0 ? length : 0] = '\0';
	return !strcmp(link, kind);
}

/* By this process's descriptors: others load programs, too. */
static void find_loaded(struct loaded *loaded)
{
	memset(loaded, 0, sizeof *loaded);
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		struct bpf_prog_info *program = &loaded->program[loaded->programs];
		struct map *map = &loaded->map[loaded->maps];
		__u32 length = sizeof *program;

		if (is_kind(fd, "anon_inode:bpf-prog")) {
			assert_true(loaded->programs + 1 < OBJECTS);
			assert_int_equal(bpf_obj_get_info_by_fd(fd, program, &length), 0);
			loaded->programs++;
		} else if (is_kind(fd, "anon_inode:bpf-map")) {
			assert_true(loaded->maps + 1 < OBJECTS);
			length = sizeof map->info;
			assert_int_equal(bpf_obj_get_info_by_fd(fd, &map->info, &length), 0);
			map->constants = read_constants(fd, &map->info);
			loaded->maps++;
		}
	}
}

static void forget(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->maps; i++)
		free(loaded->map[i].constants);
}

static void open_with(const struct ts_source *source, const struct btf *btf, const char *path,
		      struct loaded *loaded)
{
	struct ts_live live = {
		.btf_path = KERNEL_BTF,
		.kernel_btf = btf,
		.object_types = path,
		.proc = "/proc",
		.sys = "/sys",
		.netns = &netns,
	};
	enum ts_status status = TS_STATUS_OK;
	char why[256] = "";
	void *state = NULL;

	if (source->open(&live, &state, &status, why))
		fail_msg("%s does not open: %s", ts_source_names[source->id], why);
	find_loaded(loaded);
	source->close(state);
}

static void assert_same(const struct loaded *all, const struct loaded *reduced)
{
	assert_int_equal(all->programs, reduced->programs);
	assert_int_equal(all->maps, reduced->maps);
	for (size_t i = 0; i < all->programs; i++) {
		assert_string_equal(all->program[i].name, reduced->program[i].name);
		/* A digest of the instructions, relocated. */
		assert_memory_equal(all->program[i].tag, reduced->program[i].tag,
				    sizeof all->program[i].tag);
		assert_int_equal(all->program[i].attach_btf_id, reduced->program[i].attach_btf_id);
	}
	for (size_t i = 0; i < all->maps; i++) {
		const struct bpf_map_info *one = &all->map[i].info, *other = &reduced->map[i].info;

		assert_string_equal(one->name, other->name);
		assert_int_equal(one->value_size, other->value_size);
		assert_int_equal(one->max_entries, other->max_entries);
		if (all->map[i].constants)
			assert_memory_equal(all->map[i].constants, reduced->map[i].constants,
					    one->value_size);
	}
}

static void test_same_programs(void **unused)
{
	struct ts_kernel_types *types = NULL;
	struct btf *all = btf__parse(KERNEL_BTF, NULL);
	struct loaded with_all, with_reduced;
	size_t compared = 0;

	assert_non_null(all);
	assert_int_equal(ts_kernel_types_open(KERNEL_BTF, &types), 0);
	assert_true(btf__type_cnt(ts_kernel_types_btf(types)) < btf__type_cnt(all) / 8);
	for (size_t i = 0; i < ts_sources_count; i++) {
		const struct ts_source *source = ts_sources[i];

		if (source->id != TS_SOURCE_SCHED && source->id != TS_SOURCE_BLOCK &&
		    source->id != TS_SOURCE_WRITEBACK && source->id != TS_SOURCE_TCP &&
		    source->id != TS_SOURCE_SOCKETS)
			continue;
		open_with(source, ts_kernel_types_btf(types), ts_kernel_types_path(types),
			  &with_reduced);
		ts_kernel_types_close(types);
		open_with(source, all, NULL, &with_all);
		assert_true(with_all.programs && with_all.maps);
		assert_same(&with_all, &with_reduced);
		compared += with_all.programs;
		forget(&with_all);
		forget(&with_reduced);
		assert_int_equal(ts_kernel_types_open(KERNEL_BTF, &types), 0);
	}
	ts_kernel_types_close(types);
	btf__free(all);
	assert_true(compared >= 10);
}

/* When libbpf cannot take them, a source fails with a reason, and opens without them. */
static void test_unusable_types(void **unused)
{
	const struct ts_source *source = &ts_source_sched;
	struct btf *all = btf__parse(KERNEL_BTF, NULL);
	struct ts_live live = {
		.btf_path = KERNEL_BTF,
		.kernel_btf = all,
		.object_types = "/nonexistent",
		.proc = "/proc",
		.sys = "/sys",
	};
	enum ts_status status = TS_STATUS_OK;
	char why[256] = "";
	void *state = NULL;

	assert_non_null(all);
	assert_true(source->open(&live, &state, &status, why) < 0);
	assert_int_equal(status, TS_STATUS_FAILED);
	assert_true(*why);
	live.object_types = NULL;
	assert_int_equal(source->open(&live, &state, &status, why), 0);
	source->close(state);
	btf__free(all);
}

/* What is not there is not found, and what is has its own number. */
static void test_tracepoints(void **unused)
{
	struct ts_kernel_types *types = NULL;
	struct btf *all = btf__parse(KERNEL_BTF, NULL);
	const struct btf *reduced;
	int parameters = 0, all_parameters = 0;

	assert_non_null(all);
	assert_int_equal(ts_kernel_types_open(KERNEL_BTF, &types), 0);
	reduced = ts_kernel_types_btf(types);
	assert_true(ts_tracepoint_exists(all, "sched_switch", &all_parameters));
	assert_true(ts_tracepoint_exists(reduced, "sched_switch", &parameters));
	assert_int_equal(parameters, all_parameters);
	assert_true(parameters >= 3);
	assert_false(ts_tracepoint_exists(reduced, "no_such_tracepoint", NULL));
	assert_true(btf__find_by_name_kind(reduced, "bpf_iter_tcp", BTF_KIND_FUNC) > 0);
	assert_int_equal(btf__find_by_name_kind(reduced, "nfs_client", BTF_KIND_STRUCT), -ENOENT);
	ts_kernel_types_close(types);
	btf__free(all);
}

/* Files that are no BTF, cut short or damaged are refused, and never read beyond their end. */
static void test_damaged(void **unused)
{
	static const char *const names[] = {"task_struct", NULL};
	const struct ts_btf_wanted wanted = {{names, names}, names};
	struct btf *small = btf__new_empty();
	struct ts_reduced_btf reduced;
	const void *raw;
	char *copy;
	__u32 size;

	assert_true(btf__add_int(small, "int", 4, BTF_INT_SIGNED) == 1);
	assert_true(btf__add_struct(small, "task_struct", 4) == 2);
	assert_int_equal(btf__add_field(small, "pid", 1, 0, 0), 0);
	raw = btf__raw_data(small, &size);
	assert_non_null(raw);
	assert_int_equal(ts_btf_reduce(raw, size, &wanted, &reduced), 0);
	free(reduced.data);
	free(reduced.original);
	for (__u32 length = 0; length < size; length++) {
		copy = malloc(length + !length);
		memcpy(copy, raw, length);
		assert_int_equal(ts_btf_reduce(copy, length, &wanted, &reduced), -EINVAL);
		free(copy);
	}
	/* Any byte turned over: refused or not, but nothing outside is touched (ASan). */
	for (__u32 at = 0; at < size; at++) {
		copy = malloc(size);
		memcpy(copy, raw, size);
		copy[at] = (char)~copy[at];
		if (!ts_btf_reduce(copy, size, &wanted, &reduced)) {
			free(reduced.data);
			free(reduced.original);
		}
		free(copy);
	}
	btf__free(small);
	assert_int_equal(ts_kernel_types_open("/proc/version", &(struct ts_kernel_types *){NULL}),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_programs),
		cmocka_unit_test(test_unusable_types),
		cmocka_unit_test(test_tracepoints),
		cmocka_unit_test(test_damaged),
	};
	int failed;

	if (ts_netns_open(&netns))
		return 1;
	ts_netns_refresh(&netns, "/proc");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ts_netns_close(&netns);
	return failed;
}
