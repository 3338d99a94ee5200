/* SPDX-License-Identifier: GPL-2.0-only */
/* What bpf/limits.bpf.c keeps about limits of the kernel, of users and of processes. */
#ifndef TUNESCOPE_LIMITS_H
#define TUNESCOPE_LIMITS_H

#include <tunescope/types.h>

/* In the order of the names in user/live/limits.c. */
enum ts_limit {
	TS_LIMIT_FILES, /* fs.file-max */
	TS_LIMIT_NR_OPEN,
	TS_LIMIT_NOFILE, /* RLIMIT_NOFILE */
	TS_LIMIT_MAPPINGS,
	TS_LIMIT_ADDRESS_SPACE, /* RLIMIT_AS */
	TS_LIMIT_DATA,		/* RLIMIT_DATA */
	TS_LIMIT_COMMIT,	/* memory that may be promised, as vm.overcommit_memory has it */
	TS_LIMIT_PIDS,
	TS_LIMIT_NAMESPACE_PIDS, /* kernel.pid_max of a pid namespace */
	TS_LIMIT_THREADS,
	TS_LIMIT_NPROC, /* RLIMIT_NPROC */
	TS_LIMIT_CGROUP_PIDS,
	TS_LIMIT_WATCHES,
	TS_LIMIT_INSTANCES,
	TS_LIMIT_EVENTS, /* of one inotify instance, fs.inotify.max_queued_events */
	TS_LIMIT_AIO,
	TS_LIMIT_PIPE_PAGES,
	TS_LIMITS,
};

#define TS_LIMIT_ENTRIES 256
#define TS_LIMIT_CGROUP	 64
#define TS_LIMIT_COMM	 16
#define TS_LIMIT_QUEUES	 64 /* inotify instances with a full queue */

/* Processes of one name and user are one: those that hit a limit may be short-lived. */
struct ts_limit_key {
	__u32 limit;
	__u32 uid;
	__u64 cgroup; /* identity of the cgroup whose limit it is; else 0 */
	char comm[TS_LIMIT_COMM];
};

struct ts_limit_entry {
	__u64 reached;	     /* times it was found to have nothing left */
	__u64 errors;	     /* calls that failed for it, while calls were watched */
	__u64 used, allowed; /* when it was found so last */
	__u32 pid;
	char cgroup[TS_LIMIT_CGROUP]; /* "parent/name" */
};

/* Sysctls, which the programs cannot read themselves; ~0: none. */
struct ts_limits_allowed {
	__u64 mappings, nr_open, pids, threads, aio, pipe_pages;
};

/* Numbers of system calls, which differ between machines; ~0: there is none. */
struct ts_limits_calls {
	__u32 clone, clone3, fork, vfork, pipe, pipe2, io_setup;
	__u32 inotify_init, inotify_init1, inotify_add_watch;
	__u32 mmap, mremap, mprotect, munmap, madvise;
};

#endif
