// SPDX-License-Identifier: GPL-2.0-only
/* The rules about limits that a call fails at: which limit it was, and how far to raise it. */
#include "limits.h"

#include <math.h>

#define CALLS_SUCCEED "calls that failed succeed; nothing else changes"
#define MORE_AFTER_RESTART                                                                        \
	"the program gets what it asks for, once it asks again (a restart, or RLIMIT_NOFILE set " \
	"anew)"
#define STRICT		2    /* vm.overcommit_memory */
#define FREE_ENOUGH	0.25 /* of the memory */
#define RATIO_OF_KERNEL 50
#define RATIO_PROPOSED	90
#define ROWS(table)	table, sizeof table / sizeof table[0]
#define HEADROOM	4.0
#define NO_SETTING	TS_SETTING_COUNT
#define FILE_BYTES	10240.0 /* of memory for each file, as the kernel reckons at the start */
#define TASK_BYTES	131072.0
#define WATCH_BYTES	1100.0
#define PIPE_PAGES	16.0 /* of a pipe, and 2 beyond the limit */
#define MAPPING_LEAST	262144
#define NR_OPEN_USUAL	1048576
#define PID_LEAST	131072
#define PID_MOST	4194304
#define AIO_LEAST	1048576
#define INSTANCES_LEAST 1024
#define EVENTS_LEAST	65536
#define EVENT_BYTES	100.0
#define FILLED_AGAIN	2 /* times: it was emptied in between */

static double memory(const struct ts_rule_context *context)
{
	return (double)context->window->delta->host.memory_bytes;
}

/* The larger of least and so many times what is allowed now, but no more than most. */
static double raise_to(struct ts_rule_context *context, const struct ts_limit_seen *seen,
		       double least, double most, const char *why_least, const char **computed)
{
	double wanted = fmax(least, (double)ts_round_up_power_of_two(HEADROOM * fmax(seen->used, 1),
								     1, 1ULL << 50));

	*computed =
		ts_text(context,
			"%.0f were in use when it had nothing left, and how many more were wanted "
			"does not show: the larger of %.0f times that, and %.0f (%s)",
			seen->used, HEADROOM, least, why_least);
	return floor(fmin(wanted, most));
}

static double propose_files(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			    const char **computed)
{
	return raise_to(context, seen, floor(memory(context) / FILE_BYTES), memory(context) / 2048,
			"a tenth of the memory, which the kernel allows by itself", computed);
}

static double propose_nr_open(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			      const char **computed)
{
	return raise_to(context, seen, NR_OPEN_USUAL, 1073741816, "the kernel's own value",
			computed);
}

static double propose_mappings(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			       const char **computed)
{
	return raise_to(context, seen, MAPPING_LEAST, memory(context) / 4096,
			"what programs with many mappings ask for; at 200 bytes each of those used",
			computed);
}

static double propose_pids(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			   const char **computed)
{
	return raise_to(context, seen, PID_LEAST, PID_MOST, "ids cost nothing until they are used",
			computed);
}

static double propose_threads(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			      const char **computed)
{
	return raise_to(context, seen, floor(memory(context) / TASK_BYTES), memory(context) / 49152,
			"an eighth of the memory for stacks, which the kernel allows by itself",
			computed);
}

static double propose_watches(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			      const char **computed)
{
	double least = floor(fmin(fmax(memory(context) / 100 / WATCH_BYTES, 8192), 1048576));

	return raise_to(context, seen, least, memory(context) / 10 / WATCH_BYTES,
			"a hundredth of the memory, which the kernel allows by itself", computed);
}

static double propose_instances(struct ts_rule_context *context, const struct ts_limit_seen *seen,
				const char **computed)
{
	return raise_to(context, seen, INSTANCES_LEAST, 1048576,
			"eight times the kernel's own value", computed);
}

static double propose_events(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			     const char **computed)
{
	return raise_to(context, seen, EVENTS_LEAST, memory(context) / 1000 / EVENT_BYTES,
			"four times the kernel's own value", computed);
}

static double propose_aio(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			  const char **computed)
{
	return raise_to(context, seen, AIO_LEAST, memory(context) / 1024,
			"what databases ask for; events cost memory only once they are set up",
			computed);
}

/* Each pipe beyond the limit has 2 pages and wants 16. */
static double propose_pipes(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			    const char **computed)
{
	double beyond = fmax(seen->used - seen->allowed, 0) / 2;
	double wanted = fmin(seen->used, seen->allowed) + PIPE_PAGES * beyond;
	double most = memory(context) / 4096 / 16;
	double value = (double)ts_round_up_power_of_two(2 * wanted, 1 << 16, 1ULL << 31);

	*computed = ts_text(
		context,
		"about %.0f pipes were made beyond the limit; with 16 pages for each of them "
		"%.0f pages would be in use: twice that, rounded up, at most a sixteenth of the "
		"memory",
		beyond, wanted);
	return floor(fmin(value, most));
}

static enum ts_outcome judge_files(struct ts_rule_context *context)
{
	static const struct ts_limit_row rows[] = {
		{"fs.file-max", TS_SETTING_FILE_MAX, .what = "files", .error = "ENFILE",
		 .propose = propose_files, .expect = CALLS_SUCCEED},
		{"fs.nr_open", TS_SETTING_NR_OPEN, .what = "descriptors", .error = "EMFILE",
		 .propose = propose_nr_open, .expect = CALLS_SUCCEED},
		{"rlimit/nofile", NO_SETTING, "rlimit-nofile", "fs.file-max", "descriptors",
		 "EMFILE",
		 .remedy = "This is the process's own limit (RLIMIT_NOFILE), not the host's: raise "
			   "LimitNOFILE= of its service, `ulimit -n` or limits.conf, and restart "
			   "it; or "
			   "see whether it forgets to close files."},
	};

	/* A program that asked for more was refused, and took what it could get. */
	static const struct ts_limit_row capped[] = {
		{"fs.file-max", TS_SETTING_FILE_MAX, .what = "files", .error = "ENFILE",
		 .propose = propose_files, .expect = CALLS_SUCCEED},
		{"fs.nr_open", TS_SETTING_NR_OPEN, .what = "descriptors", .error = "EMFILE",
		 .propose = propose_nr_open, .expect = CALLS_SUCCEED},
		{"rlimit/nofile", TS_SETTING_NR_OPEN, .what = "descriptors", .error = "EMFILE",
		 .propose = propose_nr_open, .expect = MORE_AFTER_RESTART},
	};
	double most = ts_window_setting_number(context->window, TS_SETTING_NR_OPEN, "", 0, NAN);

	if (most < NR_OPEN_USUAL && ts_limit_seen(context, "rlimit/nofile").allowed == most)
		return ts_limits_judge(context, ROWS(capped));
	return ts_limits_judge(context, ROWS(rows));
}

static enum ts_outcome judge_tasks(struct ts_rule_context *context)
{
	static const struct ts_limit_row rows[] = {
		{"kernel.pid_max", TS_SETTING_PID_MAX, .what = "process ids", .error = "EAGAIN",
		 .propose = propose_pids, .expect = CALLS_SUCCEED},
		{"pid-namespace/pid_max", NO_SETTING, "pid-namespace", "kernel.pid_max",
		 "process ids", "EAGAIN",
		 .remedy = "This is the limit of the container's own pid namespace, not the "
			   "host's: raise kernel.pid_max inside it (nsenter -t PID -p -m sysctl -w "
			   "kernel.pid_max=...), or see what starts so many."},
		{"kernel.threads-max", TS_SETTING_THREADS_MAX, .what = "tasks", .error = "EAGAIN",
		 .propose = propose_threads, .expect = CALLS_SUCCEED},
		{"rlimit/nproc", NO_SETTING, "rlimit-nproc", "kernel.pid_max", "tasks", "EAGAIN",
		 .remedy = "This is the user's limit as its processes have it (RLIMIT_NPROC), not "
			   "the "
			   "host's: raise LimitNPROC= of the service, `ulimit -u` or limits.conf, "
			   "or see "
			   "who starts so many."},
		{"cgroup/pids.max", NO_SETTING, "cgroup-pids", "kernel.pid_max", "tasks", "EAGAIN",
		 .remedy = "This is the cgroup's limit (pids.max), not the host's: raise TasksMax= "
			   "of the "
			   "service or the container's limit of pids, or see what starts so many."},
	};

	return ts_limits_judge(context, ROWS(rows));
}

/* Memory that is promised, not used: the rest is free, so nothing but the limit refuses it. */
static bool promises_refused(struct ts_rule_context *context, const struct ts_limit_seen *seen)
{
	const struct ts_window *window = context->window;
	double free_share = ts_window_gauge(window, TS_FAMILY_MEMORY, TS_LABELS("available"), 0) /
			    memory(context);

	if (ts_window_setting_number(window, TS_SETTING_OVERCOMMIT_MEMORY, "", 0, 0) != STRICT ||
	    seen->errors < context->threshold[0])
		return false;
	if (free_share >= FREE_ENOUGH && seen->used < memory(context))
		return true;
	ts_rule_without_finding(
		context, TS_OUTCOME_INSUFFICIENT,
		"%.0f calls failed with ENOMEM with %.0f %% of the memory available: "
		"whether memory or vm.overcommit_memory is too small does not show",
		seen->errors, 100 * free_share);
	return false;
}

static double propose_promises(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			       const char **computed)
{
	*computed = ts_text(
		context,
		"calls failed with ENOMEM while memory was free: 0, the kernel's own value, "
		"refuses only what is more than there is");
	return 0;
}

/* Instead of the share; it reads 0 while that is in force. */
static double propose_kbytes(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			     const char **computed)
{
	*computed = "all memory but a tenth may be promised, beside swap";
	return floor(memory(context) / 1024 * RATIO_PROPOSED / 100);
}

static double propose_ratio(struct ts_rule_context *context, const struct ts_limit_seen *seen,
			    const char **computed)
{
	*computed = ts_text(
		context, "all memory but a tenth may be promised; it was %.0f %%",
		ts_window_setting_number(context->window, TS_SETTING_OVERCOMMIT_RATIO, "", 0, NAN));
	return RATIO_PROPOSED;
}

/* A share below the kernel's own was chosen, and too small; else it is the mode. */
static void judge_promises(struct ts_rule_context *context)
{
	static const struct ts_limit_row mode = {
		"vm.overcommit_memory", TS_SETTING_OVERCOMMIT_MEMORY, .what = "bytes",
		.error = "ENOMEM",	.propose = propose_promises,  .expect = CALLS_SUCCEED};
	static const struct ts_limit_row ratio = {
		"vm.overcommit_memory", TS_SETTING_OVERCOMMIT_RATIO, .what = "bytes",
		.error = "ENOMEM",	.propose = propose_ratio,    .expect = CALLS_SUCCEED};
	static const struct ts_limit_row kbytes = {
		"vm.overcommit_memory", TS_SETTING_OVERCOMMIT_KBYTES, .what = "bytes",
		.error = "ENOMEM",	.propose = propose_kbytes,    .expect = CALLS_SUCCEED};
	struct ts_limit_seen seen = ts_limit_seen(context, mode.limit);
	double bytes = 1024 * ts_window_setting_number(context->window,
						       TS_SETTING_OVERCOMMIT_KBYTES, "", 0, 0);
	double share = ts_window_setting_number(context->window, TS_SETTING_OVERCOMMIT_RATIO, "", 0,
						RATIO_OF_KERNEL);

	if (bytes > 0)
		share = 100 * bytes / memory(context);
	if (promises_refused(context, &seen))
		ts_limit_propose(context,
				 share >= RATIO_OF_KERNEL ? &mode
				 : bytes > 0		  ? &kbytes
							  : &ratio,
				 &seen);
}

static enum ts_outcome judge_mappings(struct ts_rule_context *context)
{
	static const struct ts_limit_row rows[] = {
		{"vm.max_map_count", TS_SETTING_MAX_MAP_COUNT, .what = "mappings",
		 .error = "ENOMEM", .propose = propose_mappings, .expect = CALLS_SUCCEED},
		{"rlimit/as", NO_SETTING, "rlimit-as", "vm.max_map_count", "bytes", "ENOMEM",
		 .remedy = "This is the process's own limit of address space (RLIMIT_AS): raise "
			   "LimitAS= of "
			   "its service or `ulimit -v`."},
		{"rlimit/data", NO_SETTING, "rlimit-data", "vm.overcommit_memory", "bytes",
		 "ENOMEM",
		 .remedy = "This is the process's own limit of private memory (RLIMIT_DATA): raise "
			   "LimitDATA= of its service or `ulimit -d`."},
	};

	judge_promises(context);
	return ts_limits_judge(context, ROWS(rows));
}

static enum ts_outcome judge_inotify(struct ts_rule_context *context)
{
	static const struct ts_limit_row rows[] = {
		{"fs.inotify.max_user_watches", TS_SETTING_INOTIFY_WATCHES, .what = "watches",
		 .error = "ENOSPC", .propose = propose_watches, .expect = CALLS_SUCCEED,
		 .own = "user.max_inotify_watches"},
		{"fs.inotify.max_user_instances", TS_SETTING_INOTIFY_INSTANCES, .what = "instances",
		 .error = "EMFILE", .propose = propose_instances, .expect = CALLS_SUCCEED,
		 .own = "user.max_inotify_instances"},
		{"fs.inotify.max_queued_events", TS_SETTING_INOTIFY_EVENTS, .what = "events",
		 .error = "IN_Q_OVERFLOW", .propose = propose_events, .least = FILLED_AGAIN,
		 .expect = "instances that are made afterwards lose no event while their reader "
			   "is busy elsewhere"},
	};

	return ts_limits_judge(context, ROWS(rows));
}

static enum ts_outcome judge_aio(struct ts_rule_context *context)
{
	static const struct ts_limit_row rows[] = {
		{"fs.aio-max-nr", TS_SETTING_AIO_MAX_NR, .what = "events", .error = "EAGAIN",
		 .propose = propose_aio, .expect = CALLS_SUCCEED},
	};

	return ts_limits_judge(context, ROWS(rows));
}

static enum ts_outcome judge_pipes(struct ts_rule_context *context)
{
	static const struct ts_limit_row rows[] = {
		{"fs.pipe-user-pages-soft", TS_SETTING_PIPE_USER_PAGES_SOFT, .what = "pages",
		 .error = "a shorter pipe", .propose = propose_pipes,
		 .expect = "new pipes hold 64 KiB instead of 8: fewer switches between writer and "
			   "reader"},
	};

	return ts_limits_judge(context, ROWS(rows));
}

#define SEEN_HOW                                                                                   \
	"Seen when a process ends with nothing left, when a task begins as the last one, and "     \
	"when all "                                                                                \
	"processes are looked at (ten times a second for 12 s, later each second or less often). " \
	"While "                                                                                   \
	"something stands near its limit failing calls are watched and counted as well; this "     \
	"slows "                                                                                   \
	"every call down and therefore ends as soon as it does not.\n"

const struct ts_rule ts_rule_file_limit = {
	.id = "file-limit",
	.title = "Limits of open files",
	.needs = TS_LIMIT_NEEDS,
	.settings = {TS_SETTING_FILE_MAX, TS_SETTING_NR_OPEN, TS_SETTING_COUNT},
	.thresholds = TS_LIMIT_THRESHOLDS,
	.judge = judge_files,
	.explanation =
		"Opening a file, a socket or a pipe fails when no more files may be open.\n"
		"Convicts fs.file-max: calls fail with ENFILE, or all of it is in use. Convicts "
		"fs.nr_open: "
		"a process has used that many and its RLIMIT_NOFILE is higher, or is just that and "
		"fs.nr_open below the kernel's own value.\n"
		"Acquits both: EMFILE, all descriptors of one process in use: its own "
		"RLIMIT_NOFILE "
		"(rlimit-nofile).\n" SEEN_HOW "Not seen: ENFILE of a process that came and went "
		"between two looks at a host with less "
		"than half of fs.file-max in use; setrlimit() refused for fs.nr_open.\n"
		"Source: alloc_empty_file(), alloc_fd(); Documentation/admin-guide/sysctl/fs.rst.",
};

const struct ts_rule ts_rule_task_limit = {
	.id = "task-limit",
	.title = "Limits of processes and threads",
	.needs = TS_LIMIT_NEEDS,
	.settings = {TS_SETTING_PID_MAX, TS_SETTING_THREADS_MAX, TS_SETTING_COUNT},
	.thresholds = TS_LIMIT_THRESHOLDS,
	.judge = judge_tasks,
	.explanation =
		"fork() and clone() fail with EAGAIN at any of four limits.\n"
		"Convicts kernel.pid_max or kernel.threads-max: the host has that many tasks (the "
		"first 300 "
		"process ids are given out only once).\n"
		"Acquits both: the user's tasks at RLIMIT_NPROC (rlimit-nproc); the cgroup's at "
		"pids.max "
		"(cgroup-pids); a pid namespace with a smaller pid_max of its own, since 6.14 "
		"(pid-namespace).\n" SEEN_HOW
		"Source: copy_process(), alloc_pid(), pids_can_fork(); "
		"Documentation/admin-guide/sysctl/kernel.rst, fork(2).",
};

const struct ts_rule ts_rule_mapping_limit = {
	.id = "mapping-limit",
	.title = "Limits of memory mappings",
	.needs = TS_LIMIT_NEEDS,
	.settings = {TS_SETTING_MAX_MAP_COUNT, TS_SETTING_OVERCOMMIT_MEMORY,
		     TS_SETTING_OVERCOMMIT_RATIO, TS_SETTING_OVERCOMMIT_KBYTES, TS_SETTING_COUNT},
	.thresholds = TS_LIMIT_THRESHOLDS,
	.judge = judge_mappings,
	.explanation = "mmap(), mprotect() and munmap() fail with ENOMEM, though memory is free, "
		       "when a process "
		       "would have more than vm.max_map_count mappings.\n"
		       "Convicts it: a process with that many mappings.\n"
		       "Acquits it: fewer mappings; the address space limited by RLIMIT_AS "
		       "(rlimit-as), private memory by RLIMIT_DATA (rlimit-data); huge pages "
		       "asked for that are not there.\n" SEEN_HOW
		       "Before 6.16 a process that ends has given its "
		       "memory back before it can be looked at: one "
		       "that lives for less than the time between two looks is seen only while "
		       "calls are watched.\n"
		       "Source: do_mmap(), split_vma(); Documentation/admin-guide/sysctl/vm.rst.",
};

const struct ts_rule ts_rule_inotify_limit = {
	.id = "inotify-limit",
	.title = "Limits of inotify",
	.needs = TS_LIMIT_NEEDS,
	.settings = {TS_SETTING_INOTIFY_WATCHES, TS_SETTING_INOTIFY_INSTANCES,
		     TS_SETTING_INOTIFY_EVENTS, TS_SETTING_COUNT},
	.thresholds = TS_LIMIT_THRESHOLDS,
	.judge = judge_inotify,
	.explanation =
		"inotify_add_watch() fails with ENOSPC at fs.inotify.max_user_watches, "
		"inotify_init() with "
		"EMFILE at fs.inotify.max_user_instances; both count what one user has.\n"
		"Convicts: the user has that many. An instance whose queue holds more than "
		"fs.inotify.max_queued_events has lost events and tells its reader so "
		"(IN_Q_OVERFLOW); no call fails. It convicts the limit when it is seen full, "
		"emptied, and full again: the reader comes too late for bursts.\n"
		"Acquits: EMFILE while fewer instances exist: the process's RLIMIT_NOFILE (rule "
		"file-limit); a queue that stays full: its reader is too slow, or does not "
		"read; a user namespace that allows less than the host "
		"(user-namespace).\n" SEEN_HOW
		"Not seen: a queue that is full for less than the time between "
		"two looks; instances among the descriptors beyond the first 128 of a process.\n"
		"Source: inotify_new_watch(), inotify_new_group(); inotify(7).",
};

const struct ts_rule ts_rule_aio_limit = {
	.id = "aio-limit",
	.title = "Limit of asynchronous I/O",
	.needs = TS_LIMIT_NEEDS,
	.settings = {TS_SETTING_AIO_MAX_NR, TS_SETTING_COUNT},
	.thresholds = TS_LIMIT_THRESHOLDS,
	.judge = judge_aio,
	.explanation = "io_setup() fails with EAGAIN when all contexts together would hold more "
		       "than fs.aio-max-nr "
		       "events.\n"
		       "Convicts it: io_setup() that fails so, or a process that ended with "
		       "contexts after which no "
		       "further one fits.\n" SEEN_HOW
		       "Source: ioctx_alloc(); Documentation/admin-guide/sysctl/fs.rst.",
};

const struct ts_rule ts_rule_pipe_limit = {
	.id = "pipe-limit",
	.title = "Limit of pipe memory",
	.needs = TS_LIMIT_NEEDS,
	.settings = {TS_SETTING_PIPE_USER_PAGES_SOFT, TS_SETTING_COUNT},
	.thresholds = TS_LIMIT_THRESHOLDS,
	.judge = judge_pipes,
	.explanation = "A user whose pipes hold fs.pipe-user-pages-soft pages gets new pipes of "
		       "two pages instead "
		       "of sixteen. No call fails: the writer and the reader of such a pipe switch "
		       "more often.\n"
		       "Convicts it: a user without privileges at that limit.\n"
		       "Acquits it: fewer pages, or CAP_SYS_RESOURCE.\n"
		       "Source: alloc_pipe_info(); pipe(7).",
};
