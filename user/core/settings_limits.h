/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of the table of settings: what a call fails at; included by settings.c alone. */
/* clang-format off */
	[TS_SETTING_FILE_MAX] =
		{"fs.file-max", SYSCTL(GLOBAL), "/proc/sys/fs/file-max", 1, "files",
		 RANGE(8192, 9223372036854775807.0), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each open file takes about 1 KiB of kernel memory that cannot be swapped out",
		 "files that all processes without privileges may hold open together",
		 .reference = "Documentation/admin-guide/sysctl/fs.rst"},
	[TS_SETTING_NR_OPEN] =
		{"fs.nr_open", SYSCTL(GLOBAL), "/proc/sys/fs/nr_open", 1, "descriptors",
		 RANGE(64, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a process may then ask for a table of descriptors that large (9 bytes each)",
		 "the most that RLIMIT_NOFILE may be, and that a process gets whatever it is",
		 .reference = "Documentation/admin-guide/sysctl/fs.rst"},
	[TS_SETTING_MAX_MAP_COUNT] = {"vm.max_map_count", SYSCTL(GLOBAL),
				      "/proc/sys/vm/max_map_count", 1, "mappings",
				      RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
				      "each mapping takes about 200 bytes of kernel memory; core "
				      "dumps of more than 65535 "
				      "need a debugger that knows the extended format",
				      "memory mappings one process may have",
				      .reference = "Documentation/admin-guide/sysctl/vm.rst"},
	[TS_SETTING_OVERCOMMIT_MEMORY] =
		{"vm.overcommit_memory", SYSCTL(GLOBAL), "/proc/sys/vm/overcommit_memory", 1,
		 "mode", RANGE(0, 2), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "when more is used than there is, the OOM killer ends a process instead of an "
		 "allocation being refused",
		 "memory that may be promised: 0 all but the obviously too much, 1 anything, 2 no "
		 "more "
		 "than vm.overcommit_ratio allows",
		 .reference = "Documentation/mm/overcommit-accounting.rst"},
	[TS_SETTING_OVERCOMMIT_RATIO] =
		{"vm.overcommit_ratio", SYSCTL(GLOBAL), "/proc/sys/vm/overcommit_ratio", 1,
		 "percent", RANGE(0, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "with more promised than there is, the OOM killer may end a process",
		 "share of memory that may be promised besides swap, while vm.overcommit_memory is "
		 "2",
		 .reference = "Documentation/mm/overcommit-accounting.rst"},
	[TS_SETTING_OVERCOMMIT_KBYTES] =
		{"vm.overcommit_kbytes", SYSCTL(GLOBAL), "/proc/sys/vm/overcommit_kbytes", 1, "KiB",
		 RANGE(1, 9223372036854775807.0 / 1024), COUPLED(TS_SETTING_OVERCOMMIT_RATIO, NONE),
		 TS_EFFECT_AT_ONCE,
		 "with more promised than there is, the OOM killer may end a process",
		 "memory that may be promised besides swap, while vm.overcommit_memory is 2: "
		 "instead of vm.overcommit_ratio",
		 .reference = "Documentation/mm/overcommit-accounting.rst"},
	[TS_SETTING_PID_MAX] =
		{"kernel.pid_max", SYSCTL(GLOBAL), "/proc/sys/kernel/pid_max", 1, "process ids",
		 RANGE(301, 4194304), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "process ids become longer than five digits, which very old programs do not "
		 "expect",
		 "process and thread ids of the host (of a pid namespace since 6.14) are below it",
		 .reference = "Documentation/admin-guide/sysctl/kernel.rst"},
	[TS_SETTING_THREADS_MAX] =
		{"kernel.threads-max", SYSCTL(GLOBAL), "/proc/sys/kernel/threads-max", 1, "tasks",
		 RANGE(20, 1073741823), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each task takes about 24 KiB of kernel memory that cannot be swapped out",
		 "processes and threads of the whole host together",
		 .reference = "Documentation/admin-guide/sysctl/kernel.rst"},
	[TS_SETTING_INOTIFY_WATCHES] = {"fs.inotify.max_user_watches", SYSCTL(GLOBAL),
					"/proc/sys/fs/inotify/max_user_watches", 1, "watches",
					RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
					"each watch keeps a file's inode in memory: about 1 KiB "
					"that cannot be swapped out",
					"inotify watches one user may have",
					.reference = "inotify(7)"},
	[TS_SETTING_INOTIFY_INSTANCES] =
		{"fs.inotify.max_user_instances", SYSCTL(GLOBAL),
		 "/proc/sys/fs/inotify/max_user_instances", 1, "instances", RANGE(1, INT_LIMIT),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each instance may hold max_queued_events events in kernel memory",
		 "inotify instances one user may have", .reference = "inotify(7)"},
	[TS_SETTING_INOTIFY_EVENTS] =
		{"fs.inotify.max_queued_events", SYSCTL(GLOBAL),
		 "/proc/sys/fs/inotify/max_queued_events", 1, "events", RANGE(0, INT_LIMIT),
		 COUPLED(NONE, NONE), TS_EFFECT_SERVICE_RESTART,
		 "an instance that nobody reads may hold so many events, about 100 bytes each, in "
		 "kernel memory",
		 "events that wait to be read from one inotify instance; those beyond are lost",
		 .reference = "inotify(7)"},
	[TS_SETTING_AIO_MAX_NR] =
		{"fs.aio-max-nr", SYSCTL(GLOBAL), "/proc/sys/fs/aio-max-nr", 1, "events",
		 RANGE(1, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "each event takes about 100 bytes of memory that cannot be swapped out, once a "
		 "program sets it up",
		 "events of all the contexts that io_setup() has made",
		 .reference = "Documentation/admin-guide/sysctl/fs.rst"},
	[TS_SETTING_PIPE_USER_PAGES_SOFT] =
		{"fs.pipe-user-pages-soft", SYSCTL(GLOBAL), "/proc/sys/fs/pipe-user-pages-soft", 1,
		 "pages", RANGE(0, INT_LIMIT), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "one user's pipes may then hold that much kernel memory",
		 "pages of one user's pipes from which on a new pipe has two instead of sixteen; "
		 "0: no "
		 "limit",
		 .reference = "pipe(7)"},
	/* clang-format on */
