// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "btf_reduce.h"

#define READ_AT_ONCE 65536

struct ts_kernel_types {
	struct btf *btf;
	int file;
	char path[40];
	__u32 *kernel_id; /* of each type in btf */
	__u32 count;	  /* in the kernel's */
};

/* Types that the BPF objects name. */
static const char *const named_by_programs[] = {
#include "kernel_types.inc"
	NULL,
};

/* What user space asks for besides: where a row is missing, the kernel seems not to have it. */
static const char *const named_by_sources[] = {
	"task_struct", "sched_info", "sched_entity", "cfs_rq", "rq", "psi_group", NULL,
};
static const char *const enumerators[] = {
	"QUEUE_FLAG_STATS", "__RQF_STATS", "__RQF_IO_STAT", "REQ_OP_ZONE_APPEND", NULL,
};

/* ---- The targets of programs: libbpf would look them up in the whole BTF. */

/* Programs keep pointers to their handler, so these are registered once and for good. */
static const struct ts_kernel_types *current;

static const struct target {
	const char *section;
	enum bpf_attach_type attach;
	const char *prefix;
	__u32 kind;
} targets[] = {
	{"tp_btf/", BPF_TRACE_RAW_TP, "btf_trace_", BTF_KIND_TYPEDEF},
	{"iter/", BPF_TRACE_ITER, "bpf_iter_", BTF_KIND_FUNC},
};

static int find_target(const struct target *target, const char *name)
{
	char type_name[128];
	int id;

	if (!current)
		return libbpf_find_vmlinux_btf_id(name, target->attach);
	snprintf(type_name, sizeof type_name, "%s%s", target->prefix, name);
	id = btf__find_by_name_kind(current->btf, type_name, target->kind);
	return id < 0 ? id : (int)current->kernel_id[id];
}

static int prepare_load(struct bpf_program *program, struct bpf_prog_load_opts *options,
			long cookie)
{
	const struct target *target = &targets[cookie];
	const char *name = strchr(bpf_program__section_name(program), '/');
	int id = name ? find_target(target, name + 1) : -EINVAL;

	if (id < 0)
		return id;
	options->attach_prog_fd = 0; /* see ts_probe_load */
	options->attach_btf_id = (__u32)id;
	return 0;
}

static int attach(const struct bpf_program *program, long cookie, struct bpf_link **link)
{
	*link = bpf_program__attach_trace(program);
	return *link ? 0 : -errno;
}

static int register_handlers(void)
{
	static bool registered;

	for (long i = 0; !registered && i < (long)(sizeof targets / sizeof *targets); i++) {
		LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = i,
			    .prog_prepare_load_fn = prepare_load);
		int error;

		if (targets[i].attach == BPF_TRACE_RAW_TP)
			options.prog_attach_fn = attach;
		error = libbpf_register_prog_handler(targets[i].section, BPF_PROG_TYPE_TRACING,
						     targets[i].attach, &options);
		if (error < 0)
			return error;
	}
	registered = true;
	return 0;
}

/* ---- Reading */

/* Before 6.16 the file cannot be mapped (a539e2a6d51d), and is read a page at a time. */
static void *read_all(int file, size_t *length)
{
	size_t size = 0, used = 0;
	char *text = NULL;
	ssize_t got;

	do {
		if (size - used < READ_AT_ONCE) {
			char *larger = realloc(text, size = 2 * size + READ_AT_ONCE);

			if (!larger) {
				free(text);
				return NULL;
			}
			text = larger;
		}
		got = read(file, text + used, READ_AT_ONCE);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		free(text);
		return NULL;
	}
	*length = used;
	return text;
}

static int reduce(const char *path, struct ts_reduced_btf *reduced)
{
	const struct ts_btf_wanted wanted = {
		.names = {named_by_programs, named_by_sources},
		.enumerators = enumerators,
	};
	int file = open(path, O_RDONLY | O_CLOEXEC), error;
	off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
	size_t length = size > 0 ? (size_t)size : 0;
	void *whole;

	if (file < 0)
		return -errno;
	whole = length ? mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
	if (whole != MAP_FAILED) {
		error = ts_btf_reduce(whole, length, &wanted, reduced);
		munmap(whole, length);
	} else {
		lseek(file, 0, SEEK_SET);
		whole = read_all(file, &length);
		error = whole ? ts_btf_reduce(whole, length, &wanted, reduced) : -ENOMEM;
		free(whole);
	}
	close(file);
	return error;
}

/* libbpf takes types from a file only. */
static int write_file(struct ts_kernel_types *types, const struct ts_reduced_btf *reduced)
{
	types->file = memfd_create("kernel-types", MFD_CLOEXEC);
	if (types->file < 0)
		return -errno;
	snprintf(types->path, sizeof types->path, "/proc/self/fd/%d", types->file);
	return write(types->file, reduced->data, reduced->length) == (ssize_t)reduced->length
		       ? 0
		       : -EIO;
}

int ts_kernel_types_open(const char *path, struct ts_kernel_types **result)
{
	struct ts_kernel_types *types = calloc(1, sizeof *types);
	struct ts_reduced_btf reduced = {0};
	int error = types ? reduce(path, &reduced) : -ENOMEM;

	*result = NULL;
	if (error) {
		free(types);
		return error;
	}
	types->kernel_id = reduced.original;
	types->count = reduced.types;
	types->btf = btf__new(reduced.data, (__u32)reduced.length);
	error = types->btf ? write_file(types, &reduced) : -errno;
	free(reduced.data);
	if (!error)
		error = register_handlers();
	if (error) {
		ts_kernel_types_close(types);
		return error;
	}
	current = types;
	*result = types;
	return 0;
}

void ts_kernel_types_close(struct ts_kernel_types *types)
{
	if (!types)
		return;
	if (current == types)
		current = NULL;
	btf__free(types->btf);
	if (types->file > 0)
		close(types->file);
	free(types->kernel_id);
	free(types);
}

__u32 ts_kernel_types_count(const struct ts_kernel_types *types)
{
	return types->count;
}

const struct btf *ts_kernel_types_btf(const struct ts_kernel_types *types)
{
	return types->btf;
}

const char *ts_kernel_types_path(const struct ts_kernel_types *types)
{
	return types->path;
}
