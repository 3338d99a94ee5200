/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF objects: open, switch off what this kernel lacks, load, attach each program on its own. */
#ifndef TUNESCOPE_PROBE_H
#define TUNESCOPE_PROBE_H

#include <bpf/libbpf.h>
#include "source.h"
#include "verifier.h"

#define TS_PROBE_PROGRAMS_MAX 12
#define TS_PROBE_MAPS_MAX     24

/*
 * What is kept of an object is descriptors, and the object itself is closed once its source is
 * open: libbpf's own record of it (its types, its instructions, their lines) would be most of what
 * this process needs for weeks.
 */
struct ts_probe_program {
	char name[32], hook[48]; /* the hook as its section names it */
	int program, link;	 /* below 0: not loaded, not attached */
	enum ts_status status;
	char why[192];
	struct ts_verified verified;
	/* As read last. */
	bool read;
	__u64 run_count, run_ns, missed;
	__u32 instructions;
};

struct ts_map {
	char name[24];
	int fd; /* below 0: it is not there */
	__u32 type, flags;
	size_t bytes;  /* of all its values */
	__u64 charged; /* memory of the kernel; 0: not read yet */
};

struct ts_probe {
	const char *source;
	struct ts_probe_program program[TS_PROBE_PROGRAMS_MAX];
	size_t programs;
	struct ts_map map[TS_PROBE_MAPS_MAX];
	size_t maps;
};

/* For the open_opts of every skeleton. */
#define ts_open_options(live)                              \
	(&(struct bpf_object_open_opts){                   \
		.sz = sizeof(struct bpf_object_open_opts), \
		.btf_custom_path = (live)->object_types,   \
	})

/*
 * Opens a skeleton of which there are two objects (bpf/atomic.bpf.h): NAME and NAME_plain. Their
 * maps and programs have the same names. NULL with errno on failure.
 */
#define ts_skeleton_open(name, live)                                                              \
	({                                                                                        \
		struct name##_bpf *opened_ = calloc(1, sizeof *opened_);                          \
		int error_ = opened_ ? name##_bpf__create_skeleton(opened_) : -ENOMEM;            \
		if (!error_ && ((live)->without_fetch || ts_bpf_lacks_fetch()))                   \
			opened_->skeleton->data =                                                 \
				(void *)name##_plain_bpf__elf_bytes(&opened_->skeleton->data_sz); \
		if (!error_)                                                                      \
			error_ = bpf_object__open_skeleton(opened_->skeleton,                     \
							   ts_open_options(live));                \
		if (error_) {                                                                     \
			name##_bpf__destroy(opened_);                                             \
			opened_ = NULL;                                                           \
			errno = -error_;                                                          \
		}                                                                                 \
		opened_;                                                                          \
	})

/* Once a source is open, it needs its skeleton no more. */
#define ts_skeleton_close(name, skeleton)      \
	do {                                   \
		name##_bpf__destroy(skeleton); \
		(skeleton) = NULL;             \
	} while (0)

/* Does the BPF of this kernel lack atomic operations that return what was there? */
bool ts_bpf_lacks_fetch(void);

/*
 * After the skeleton was opened and its .rodata was set: a tp_btf program whose tracepoint this
 * kernel's BTF does not have is left out (unsupported), and so is one named by the user (disabled).
 * Then loads the object and attaches the rest, each on its own. Iterators (iter/…) and
 * programs that are run on demand (raw_tp) are loaded and not attached: when its source has done
 * that it closes the skeleton (ts_skeleton_close), and all the rest goes on by the probe. The
 * programs' variables are in their maps (ts_map_view). Returns 0 when the object was loaded, even
 * if programs are missing: look at ts_probe_status for those a family depends on. On failure
 * nothing is attached, and status and why are set.
 */
int ts_probe_load(struct ts_probe *probe, const char *source, struct bpf_object *object,
		  const struct ts_live *live, enum ts_status *status, char why[256]);

/*
 * Attaches one that its source has taken out with bpf_program__set_autoattach, if it was loaded;
 * and detaches one. Negative errno when it cannot be.
 */
int ts_probe_attach(struct ts_probe *probe, const char *program);
void ts_probe_detach_program(struct ts_probe *probe, const char *program);
/* Its descriptor, as long as the probe; below 0: it is not loaded. */
int ts_probe_program(const struct ts_probe *probe, const char *program);
bool ts_probe_attached(const struct ts_probe *probe, const char *program);

/* Whether the user asked to leave a program out. To be called while the collector is opened. */
bool ts_probe_disabled(const char *program);

/* Status of a program by name; why may be NULL. TS_STATUS_OK: attached (or loaded, for iterators).
 */
enum ts_status ts_probe_status(const struct ts_probe *probe, const char *program, const char **why);

/* The map of an object that was loaded, to be used as long as the probe. Never NULL. */
const struct ts_map *ts_probe_map(const struct ts_probe *probe, const struct bpf_map *map);

/* Detaches all, and gives programs and maps back. Nothing was loaded: fine. */
void ts_probe_close(struct ts_probe *probe);

/* Adds each program's status and run-time statistics and the maps' memory to a snapshot. */
void ts_probe_cost(struct ts_probe *probe, struct ts_snapshot *snapshot);

/*
 * Whether that reads how often and how long programs ran, and what maps that grow take, or says
 * what it read last: most of the time the kernel does not count runs, and there are dozens of them.
 */
extern bool ts_probe_reads_runs;

/* Possible CPUs (libbpf), never below 1. */
unsigned int ts_possible_cpus(void);

/*
 * The values of an mmap-able array map (BPF_F_MMAPABLE), read-only; element_size is value_size
 * rounded up to 8 bytes. NULL with errno on failure. Unmap with munmap(address, *length).
 */
const void *ts_map_view(const struct ts_map *map, size_t *length);

/* "btf_trace_<name>" is in the kernel's BTF; parameters (without the context) when not NULL. */
bool ts_tracepoint_exists(const struct btf *btf, const char *name, int *parameters);

/* Programs the user asked to leave out (--disable-program); set by the collector. */
extern const char *const *ts_disabled_programs;

/* Bit i: name i of that list belongs to a program that was about to be loaded (the first 32). */
extern unsigned int ts_disabled_programs_found;

#endif
