// SPDX-License-Identifier: GPL-2.0-only
/* Which BPF programs are loaded, whose they are, and whether others come and go meanwhile. */
#include "bench.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

bool bench_programs_contain(const struct bench_programs *programs, __u32 id)
{
	for (size_t i = 0; i < programs->count; i++)
		if (programs->id[i] == id)
			return true;
	return false;
}

static void add(struct bench_programs *programs, __u32 id)
{
	if (!bench_programs_contain(programs, id) && programs->count < BENCH_PROGRAMS)
		programs->id[programs->count++] = id;
}

/* Descriptors of programs and of links say prog_id in fdinfo, links link_id as well. */
static bool read_fdinfo(const char *path, struct bench_programs *programs)
{
	char line[128];
	bool is_link = false;
	unsigned int id;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof line, file)) {
		is_link = is_link || !strncmp(line, "link_id:", 8);
		if (sscanf(line, "prog_id: %u", &id) == 1)
			add(programs, id);
	}
	if (file)
		fclose(file);
	return is_link;
}

size_t bench_programs_of(pid_t pid, struct bench_programs *programs)
{
	char directory[64], path[400];
	struct dirent *entry;
	size_t links = 0;
	DIR *fdinfo;

	snprintf(directory, sizeof directory, "/proc/%d/fdinfo", pid ? pid : getpid());
	fdinfo = opendir(directory);
	while (fdinfo && (entry = readdir(fdinfo))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		links += read_fdinfo(path, programs);
	}
	if (fdinfo)
		closedir(fdinfo);
	return links;
}

static bool program_info(__u32 id, struct bpf_prog_info *info)
{
	__u32 length = sizeof *info;
	int descriptor = bpf_prog_get_fd_by_id(id), error;

	if (descriptor < 0)
		return false;
	memset(info, 0, sizeof *info);
	error = bpf_obj_get_info_by_fd(descriptor, info, &length);
	close(descriptor);
	return !error;
}

/* Kinds that can sit on the paths that are measured. */
static bool is_tracing(__u32 type)
{
	static const __u32 kinds[] = {
		BPF_PROG_TYPE_KPROBE,	  BPF_PROG_TYPE_TRACEPOINT,
		BPF_PROG_TYPE_PERF_EVENT, BPF_PROG_TYPE_RAW_TRACEPOINT,
		BPF_PROG_TYPE_TRACING,	  BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
		BPF_PROG_TYPE_LSM,
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i] == type)
			return true;
	return false;
}

__u32 bench_foreign_program(const struct bench_programs *known, char name[64])
{
	struct bpf_prog_info info;
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		if (bench_programs_contain(known, id) || !program_info(id, &info) ||
		    !is_tracing(info.type))
			continue;
		if (name)
			snprintf(name, 64, "%s", info.name);
		return id;
	}
	return 0;
}

__u32 bench_program_counter(void)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_info info = {0};
	__u32 length = sizeof info;
	int descriptor = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "bench_counter", "GPL", nothing,
				       2, NULL);

	if (descriptor < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(descriptor, &info, &length))
		info.id = 0;
	close(descriptor);
	return info.id;
}

bool bench_run_statistics(__u32 id, struct bench_run_statistics *statistics)
{
	struct bpf_prog_info info;

	if (!program_info(id, &info))
		return false;
	snprintf(statistics->name, sizeof statistics->name, "%s", info.name);
	statistics->runs = info.run_cnt;
	statistics->ns = info.run_time_ns;
	return true;
}
