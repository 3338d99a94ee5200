/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A source: one part that measures. Each opens, ticks, fills its families of a snapshot and closes
 * on its own; one that fails costs only its own families. A new source is a file with a `const
 * struct ts_source` and a row in sources.c.
 */
#ifndef TUNESCOPE_SOURCE_H
#define TUNESCOPE_SOURCE_H

#include "../core/snapshot.h"

/* The cgroup (version 2) that a command is run in. */
struct ts_live_command {
	__u64 cgroup; /* its id */
	bool only;    /* the scheduler source measures this command's tasks, not all of them */
};

/* What all sources may use; owned by the collector. */
struct ts_live {
	const char *btf_path;	      /* kernel BTF; never NULL */
	const struct btf *kernel_btf; /* what sources ask about; only while they are opened */
	/* Types to relocate BPF objects with (kernel_types.h); NULL: libbpf reads the kernel's. */
	const char *object_types;
	const char *proc;		    /* "/proc" (another root in tests) */
	const char *sys;		    /* "/sys" */
	struct ts_netns_table *netns;	    /* netns.h; refreshed before each snapshot */
	struct ts_settings_cache *settings; /* settings_read.h; may be NULL */
	/* Where tcp has connections leave their last record, and how it looks at those that are
	 * open; only while sources are opened. */
	const struct ts_map *socket_ends;
	const struct ts_socket_looking *socket_looks;
	const struct ts_live_command *command; /* what `tunescope run` runs; NULL: nothing */
	bool without_fetch;		       /* tests: as if BPF had no more than before 5.12 */
	bool patient;			       /* pace.h; and these two */
	__u64 opened_ns, moved_ns;	       /* opened_ns: all is attached since; 0: not yet */
	/* The number, and one, of a CPU that packets keep busy while others idle, and when softnet
	 * last saw that. */
	__u32 packet_cpu;
	__u64 packet_cpu_ns;
};

struct ts_source {
	enum ts_source_id id;
	/*
	 * 0, or a negative errno: then the source stays closed, and status and why say what its
	 * families show. No printing here.
	 */
	int (*open)(struct ts_live *live, void **state, enum ts_status *status, char why[256]);
	/* Cheap sampling, about every 100 ms, or 250 ms while it is calm (pace.h). May be NULL. */
	void (*tick)(struct ts_live *live, void *state, __u64 monotonic_ns);
	/* Appends the series of its families, sets their status, adds probe costs. */
	void (*snapshot)(struct ts_live *live, void *state, struct ts_snapshot *snapshot);
	void (*close)(void *state);
};

extern const struct ts_source *const ts_sources[];
extern const size_t ts_sources_count;

#endif
