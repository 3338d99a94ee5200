// SPDX-License-Identifier: GPL-2.0-only
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "procfile.h"

#define TRACEPOINT_SECTION "tp_btf/"
#define RAW_SECTION	   "raw_tp/"

const char *const *ts_disabled_programs;
unsigned int ts_disabled_programs_found;

bool ts_tracepoint_exists(const struct btf *btf, const char *name, int *parameters)
{
	char type_name[128];
	const struct btf_type *type;
	int id;

	snprintf(type_name, sizeof type_name, "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return false;
	if (!parameters)
		return true;
	/* typedef -> pointer -> function prototype, whose first parameter is the context */
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	*parameters = type && btf_is_func_proto(type) ? btf_vlen(type) - 1 : 0;
	return true;
}

unsigned int ts_possible_cpus(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus > 0 ? (unsigned int)cpus : 1;
}

const void *ts_map_view(const struct ts_map *map, size_t *length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *view;

	*length = (map->bytes + page - 1) & ~(page - 1);
	view = mmap(NULL, *length, PROT_READ, MAP_SHARED, map->fd, 0);
	return view == MAP_FAILED ? NULL : view;
}

bool ts_probe_disabled(const char *program)
{
	for (size_t i = 0; ts_disabled_programs && ts_disabled_programs[i]; i++) {
		if (strcmp(ts_disabled_programs[i], program))
			continue;
		ts_disabled_programs_found |= i < 32 ? 1u << i : 0;
		return true;
	}
	return false;
}

static bool lacks_fetch(void)
{
	const struct bpf_insn exchange[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_STX | BPF_MEM | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_0,
		 .off = -8},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_0,
		 .off = -8,
		 .imm = BPF_CMPXCHG},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "ts_exchange", "GPL", exchange,
				    sizeof exchange / sizeof *exchange, NULL);

	if (program < 0)
		return program == -EINVAL;
	close(program);
	return false;
}

bool ts_bpf_lacks_fetch(void)
{
	static enum { UNKNOWN, LACKS, HAS } known;

	if (known == UNKNOWN)
		known = lacks_fetch() ? LACKS : HAS;
	return known == LACKS;
}

/* Decides which programs to load; returns how many are left. */
static size_t choose_programs(struct ts_probe *probe, const struct bpf_object *object,
			      const struct btf *btf)
{
	struct bpf_program *program;
	size_t chosen = 0;

	bpf_object__for_each_program(program, object)
	{
		const char *section = bpf_program__section_name(program);
		const char *name = bpf_program__name(program);
		struct ts_probe_program *row;

		/* SEC("?…") programs are off unless their source switched them on. */
		if (!bpf_program__autoload(program) || probe->programs == TS_PROBE_PROGRAMS_MAX)
			continue;
		row = &probe->program[probe->programs++];
		snprintf(row->name, sizeof row->name, "%s", name);
		section += *section == '?';
		snprintf(row->hook, sizeof row->hook, "%s", section);
		row->program = row->link = -1;
		if (ts_probe_disabled(name)) {
			row->status = TS_STATUS_DISABLED;
			snprintf(row->why, sizeof row->why, "%s was switched off by the user",
				 name);
		} else if (ts_verifier_knows_refused(name, &row->status, row->why)) {
			;
		} else if (!strncmp(section, TRACEPOINT_SECTION, strlen(TRACEPOINT_SECTION)) &&
			   !ts_tracepoint_exists(btf, section + strlen(TRACEPOINT_SECTION), NULL)) {
			row->status = TS_STATUS_UNSUPPORTED;
			snprintf(row->why, sizeof row->why, "this kernel has no tracepoint %s",
				 section + strlen(TRACEPOINT_SECTION));
		} else {
			row->status = TS_STATUS_OK;
			chosen++;
		}
		bpf_program__set_autoload(program, row->status == TS_STATUS_OK);
	}
	return chosen;
}

/*
 * libbpf reads all of the kernel's types for a tracing program, unless that is for another program
 * (of any descriptor): then its section's handler must say for what. See kernel_types.c.
 */
static void spare_kernel_types(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) if (bpf_program__type(program) ==
							  BPF_PROG_TYPE_TRACING)
		bpf_program__set_attach_target(program, 1, NULL);
}

/* The tracepoint of a tp_btf program is known since it was loaded, that of a raw_tp one by name. */
static int attach(struct ts_probe_program *row)
{
	bool raw = !strncmp(row->hook, RAW_SECTION, strlen(RAW_SECTION));

	int error = 0;

	row->link =
		bpf_raw_tracepoint_open(raw ? row->hook + strlen(RAW_SECTION) : NULL, row->program);
	if (row->link < 0) {
		error = -errno;
		row->status = TS_STATUS_FAILED;
		snprintf(row->why, sizeof row->why, "it cannot be attached: %s", strerror(-error));
	}
	return error;
}

static void attach_programs(struct ts_probe *probe, const struct bpf_object *object)
{
	for (size_t i = 0; i < probe->programs; i++) {
		struct ts_probe_program *row = &probe->program[i];

		if (row->status != TS_STATUS_OK)
			continue;
		if (!strncmp(row->hook, "iter/", 5) || !strchr(row->hook, '/'))
			continue; /* opened, or run, by its source, once for each reading */
		if (bpf_program__autoattach(bpf_object__find_program_by_name(object, row->name)))
			attach(row); /* else its source does, when it is time to */
	}
}

static struct ts_probe_program *find_program(const struct ts_probe *probe, const char *program)
{
	for (size_t i = 0; i < probe->programs; i++)
		if (!strcmp(probe->program[i].name, program))
			return (struct ts_probe_program *)&probe->program[i];
	return NULL;
}

int ts_probe_attach(struct ts_probe *probe, const char *program)
{
	struct ts_probe_program *row = find_program(probe, program);

	if (!row || row->status != TS_STATUS_OK)
		return -ENOENT;
	return row->link < 0 ? attach(row) : 0;
}

void ts_probe_detach_program(struct ts_probe *probe, const char *program)
{
	struct ts_probe_program *row = find_program(probe, program);

	if (!row || row->link < 0)
		return;
	close(row->link);
	row->link = -1;
}

int ts_probe_program(const struct ts_probe *probe, const char *program)
{
	const struct ts_probe_program *row = find_program(probe, program);

	return row ? row->program : -ENOENT;
}

bool ts_probe_attached(const struct ts_probe *probe, const char *program)
{
	const struct ts_probe_program *row = find_program(probe, program);

	return row && row->link >= 0;
}

/* ---- What stays when the object is closed */

static int keep_descriptor(int descriptor)
{
	return fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
}

static int keep_programs(struct ts_probe *probe, const struct bpf_object *object)
{
	for (size_t i = 0; i < probe->programs; i++) {
		struct ts_probe_program *row = &probe->program[i];

		if (row->status != TS_STATUS_OK)
			continue;
		row->program = keep_descriptor(
			bpf_program__fd(bpf_object__find_program_by_name(object, row->name)));
		if (row->program < 0)
			return -errno;
	}
	return 0;
}

static int keep_maps(struct ts_probe *probe, const struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		struct ts_map *row = &probe->map[probe->maps];

		if (probe->maps == TS_PROBE_MAPS_MAX)
			return -E2BIG;
		*row = (struct ts_map){
			.fd = keep_descriptor(bpf_map__fd(map)),
			.type = bpf_map__type(map),
			.flags = bpf_map__map_flags(map),
			.bytes = ((bpf_map__value_size(map) + 7) & ~(size_t)7) *
				 bpf_map__max_entries(map),
		};
		if (row->fd < 0)
			return -errno;
		snprintf(row->name, sizeof row->name, "%s", bpf_map__name(map));
		probe->maps++;
	}
	return 0;
}

static int keep(struct ts_probe *probe, const struct bpf_object *object)
{
	int error = keep_programs(probe, object);

	return error ? error : keep_maps(probe, object);
}

const struct ts_map *ts_probe_map(const struct ts_probe *probe, const struct bpf_map *map)
{
	static const struct ts_map none = {.fd = -1};

	for (size_t i = 0; i < probe->maps; i++)
		if (!strcmp(probe->map[i].name, bpf_map__name(map)))
			return &probe->map[i];
	return &none;
}

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

void ts_probe_close(struct ts_probe *probe)
{
	for (size_t i = 0; i < probe->programs; i++) {
		close_descriptor(&probe->program[i].link);
		close_descriptor(&probe->program[i].program);
	}
	for (size_t i = 0; i < probe->maps; i++)
		close_descriptor(&probe->map[i].fd);
	probe->programs = probe->maps = 0;
}

int ts_probe_load(struct ts_probe *probe, const char *source, struct bpf_object *object,
		  const struct ts_live *live, enum ts_status *status, char why[256])
{
	struct ts_verifier verifier;
	int error;

	*probe = (struct ts_probe){.source = source};
	if (!choose_programs(probe, object, live->kernel_btf)) {
		*status = probe->programs ? probe->program[0].status : TS_STATUS_UNSUPPORTED;
		snprintf(why, 256, "%s",
			 probe->programs ? probe->program[0].why : "no program to load");
		return -EOPNOTSUPP;
	}
	if (live->object_types)
		spare_kernel_types(object);
	ts_verifier_listen(&verifier, object);
	error = bpf_object__load(object);
	if (error) {
		*status = TS_STATUS_FAILED;
		if (!ts_verifier_refused(&verifier, object, why))
			snprintf(why, 256, "the kernel does not load the BPF programs: %s",
				 strerror(-error));
	} else {
		for (size_t i = 0; i < probe->programs; i++)
			ts_verifier_told(
				&verifier, object,
				bpf_object__find_program_by_name(object, probe->program[i].name),
				&probe->program[i].verified);
	}
	ts_verifier_end(&verifier);
	if (error)
		return error;
	error = keep(probe, object);
	if (error) {
		*status = TS_STATUS_FAILED;
		snprintf(why, 256, "no more descriptors can be opened: %s", strerror(-error));
		ts_probe_close(probe);
		return error;
	}
	attach_programs(probe, object);
	return 0;
}

enum ts_status ts_probe_status(const struct ts_probe *probe, const char *program, const char **why)
{
	const struct ts_probe_program *row;
	const char *ignored;

	if (!why)
		why = &ignored;
	row = find_program(probe, program);
	if (row) {
		*why = row->why;
		return row->status;
	}
	*why = "its BPF program is not part of this build";
	return TS_STATUS_UNSUPPORTED;
}

bool ts_probe_reads_runs = true;

/* What the kernel charges for a map: /proc/self/fdinfo of its descriptor ("memlock"). */
static __u64 map_memory(int descriptor)
{
	static const char key[] = "memlock:";
	char path[64], text[1024], *at = text, *line;
	__u64 bytes;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", descriptor);
	if (ts_read_small(AT_FDCWD, path, text, sizeof text) < 0)
		return 0;
	while ((line = ts_take_line(&at))) {
		if (strncmp(line, key, sizeof key - 1))
			continue;
		line += sizeof key - 1;
		return ts_take_number(&line, &bytes) ? bytes : 0;
	}
	return 0;
}

/* Hash maps get the memory of an element when it is added, unless they got all at once. */
static bool memory_is_constant(const struct ts_map *map)
{
	switch (map->type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_RINGBUF: return true;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH: return !(map->flags & BPF_F_NO_PREALLOC);
	default: return false;
	}
}

static __u64 maps_memory(struct ts_probe *probe)
{
	__u64 sum = 0;

	for (size_t i = 0; i < probe->maps; i++) {
		struct ts_map *map = &probe->map[i];

		if (!map->charged || (ts_probe_reads_runs && !memory_is_constant(map)))
			map->charged = map_memory(map->fd);
		sum += map->charged;
	}
	return sum;
}

static void read_runs(struct ts_probe_program *row)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof info;

	if (bpf_obj_get_info_by_fd(row->program, &info, &length))
		return;
	row->read = true;
	row->run_count = info.run_cnt;
	row->run_ns = info.run_time_ns;
	row->instructions = info.xlated_prog_len / 8;
	/* Events skipped because the program was running on that CPU already. */
	row->missed = info.recursion_misses;
}

void ts_probe_cost(struct ts_probe *probe, struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < probe->programs; i++) {
		struct ts_probe_program *row = &probe->program[i];

		if (row->status == TS_STATUS_OK && (ts_probe_reads_runs || !row->read))
			read_runs(row);
		snapshot->cost.lost_events += row->missed;

		struct ts_probe_cost cost = {
			.name = row->name,
			.source = probe->source,
			.hook = row->hook,
			.status = row->status,
			.why = row->why,
			.verified_instructions = row->verified.instructions,
			.verification_us = row->verified.microseconds,
			.run_count = row->run_count,
			.run_ns = row->run_ns,
			.instructions = row->instructions,
		};

		ts_snapshot_probe(snapshot, &cost);
	}
	snapshot->cost.map_bytes += maps_memory(probe);
}
