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
#include "startup_memory.h"

#define TRACEPOINT_SECTION "tp_btf/"

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

const void *ts_map_view(const struct bpf_map *map, size_t *length)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t element = (bpf_map__value_size(map) + 7) & ~(size_t)7;
	void *view;

	*length = (element * bpf_map__max_entries(map) + (size_t)page - 1) & ~((size_t)page - 1);
	view = mmap(NULL, *length, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
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
static size_t choose_programs(struct ts_probe *probe, const struct btf *btf)
{
	struct bpf_program *program;
	size_t chosen = 0;

	bpf_object__for_each_program(program, probe->object)
	{
		const char *section = bpf_program__section_name(program);
		struct ts_probe_program *row;

		/* SEC("?…") programs are off unless their source switched them on. */
		if (!bpf_program__autoload(program) || probe->programs == TS_PROBE_PROGRAMS_MAX)
			continue;
		row = &probe->program[probe->programs++];
		row->name = bpf_program__name(program);
		row->program = program;
		if (*section == '?')
			section++;
		if (ts_probe_disabled(row->name)) {
			row->status = TS_STATUS_DISABLED;
			snprintf(row->why, sizeof row->why, "%s was switched off by the user",
				 row->name);
		} else if (ts_verifier_knows_refused(row->name, &row->status, row->why)) {
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

static void attach(struct ts_probe_program *row)
{
	row->link = bpf_program__attach(row->program);
	if (row->link)
		return;
	row->status = TS_STATUS_FAILED;
	snprintf(row->why, sizeof row->why, "%s cannot be attached: %s", row->name,
		 strerror(errno));
}

static void attach_programs(struct ts_probe *probe)
{
	for (size_t i = 0; i < probe->programs; i++) {
		struct ts_probe_program *row = &probe->program[i];
		const char *section;

		if (row->status != TS_STATUS_OK)
			continue;
		section = bpf_program__section_name(row->program);
		if (!strncmp(section, "iter/", 5) || !strncmp(section, "?iter/", 6))
			continue; /* opened by its source, once for each reading */
		if (!bpf_program__autoattach(row->program))
			continue; /* attached by its source, when it is time to */
		attach(row);
	}
}

void ts_probe_attach(struct ts_probe *probe, const char *program)
{
	for (size_t i = 0; i < probe->programs; i++) {
		struct ts_probe_program *row = &probe->program[i];

		if (!strcmp(row->name, program) && row->status == TS_STATUS_OK && !row->link)
			attach(row);
	}
}

int ts_probe_load(struct ts_probe *probe, const char *source, struct bpf_object *object,
		  const struct ts_live *live, enum ts_status *status, char why[256])
{
	struct ts_verifier verifier;
	int error;

	*probe = (struct ts_probe){.source = source, .object = object};
	if (!choose_programs(probe, live->kernel_btf)) {
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
			ts_verifier_told(&verifier, object, probe->program[i].program,
					 &probe->program[i].verified);
	}
	ts_verifier_end(&verifier);
	if (error)
		return error;
	ts_startup_memory_forget_values(object);
	attach_programs(probe);
	return 0;
}

enum ts_status ts_probe_status(const struct ts_probe *probe, const char *program, const char **why)
{
	const char *ignored;

	if (!why)
		why = &ignored;
	for (size_t i = 0; i < probe->programs; i++) {
		if (strcmp(probe->program[i].name, program))
			continue;
		*why = probe->program[i].why;
		return probe->program[i].status;
	}
	*why = "its BPF program is not part of this build";
	return TS_STATUS_UNSUPPORTED;
}

void ts_probe_detach(struct ts_probe *probe)
{
	for (size_t i = 0; i < probe->programs; i++) {
		bpf_link__destroy(probe->program[i].link);
		probe->program[i].link = NULL;
	}
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
static bool memory_is_constant(const struct bpf_map *map)
{
	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_RINGBUF: return true;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH: return !(bpf_map__map_flags(map) & BPF_F_NO_PREALLOC);
	default: return false;
	}
}

static __u64 maps_memory(struct ts_probe *probe)
{
	struct bpf_map *map;
	__u64 sum = 0;
	size_t i = 0;

	bpf_object__for_each_map(map, probe->object)
	{
		__u64 bytes = i < TS_PROBE_MAPS_MAX ? probe->map_bytes[i] : 0;

		if (!bytes || (ts_probe_reads_runs && !memory_is_constant(map)))
			bytes = map_memory(bpf_map__fd(map));
		if (i < TS_PROBE_MAPS_MAX)
			probe->map_bytes[i] = bytes;
		sum += bytes;
		i++;
	}
	return sum;
}

static void read_runs(struct ts_probe_program *row)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof info;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(row->program), &info, &length))
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
			.hook = bpf_program__section_name(row->program),
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
