/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of the table of settings: block devices and what is mounted; included by settings.c alone.
 */
/* clang-format off */
	[TS_SETTING_BLOCK_SCHEDULER] =
		{"scheduler", BLOCK_QUEUE, "/sys/block/%s/queue/scheduler", 0, "name", RANGE(0, 0),
		 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a scheduler costs CPU time for each request; total throughput of the writes may "
		 "drop while reads are served first",
		 "I/O scheduler of a block device",
		 .reference = "Documentation/ABI/stable/sysfs-block; "
			      "Documentation/block/switching-sched.rst"},
	[TS_SETTING_BLOCK_NR_REQUESTS] =
		{"nr_requests", BLOCK_QUEUE, "/sys/block/%s/queue/nr_requests", 1, "requests",
		 RANGE(1, 1048576), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "with more requests at the device a single one may wait longer",
		 "requests that a block device's queue holds at once",
		 .reference = "Documentation/ABI/stable/sysfs-block"},
	[TS_SETTING_BLOCK_WBT_LATENCY] =
		{"wbt_lat_usec", BLOCK_QUEUE, "/sys/block/%s/queue/wbt_lat_usec", 1, "microseconds",
		 RANGE(0, 10000000), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a lower one leaves writeback less of the device, with a higher one reads may wait "
		 "longer behind writes",
		 "read latency that writeback throttling aims for; 0 switches it off",
		 .reference = "Documentation/ABI/stable/sysfs-block; block/blk-wbt.c"},
	[TS_SETTING_BLOCK_READ_AHEAD] = {"read_ahead_kb", BLOCK_QUEUE,
					 "/sys/block/%s/queue/read_ahead_kb", 1, "KiB",
					 RANGE(0, 1048576), COUPLED(NONE, NONE),
					 TS_EFFECT_NEXT_OPEN,
					 "more of it wastes memory and the device's time where "
					 "reads are random; less of it "
					 "makes sequential readers wait for more requests",
					 "how far the kernel reads ahead of a sequential reader, "
					 "and around a page fault in "
					 "a mapped file"},
	[TS_SETTING_BLOCK_MAX_SECTORS] =
		{"max_sectors_kb", BLOCK_QUEUE, "/sys/block/%s/queue/max_sectors_kb", 1, "KiB",
		 RANGE(4, 1048576), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
		 "a large request holds up small ones behind it for as long as it takes",
		 "largest request that is sent to a block device"},
	[TS_SETTING_BLOCK_HARDWARE_SECTORS] = {"max_hw_sectors_kb", BLOCK_QUEUE,
					       "/sys/block/%s/queue/max_hw_sectors_kb", 1, "KiB",
					       RANGE(0, 1048576), COUPLED(NONE, NONE),
					       TS_EFFECT_AT_ONCE, "",
					       "largest request the driver takes (read-only)"},
	[TS_SETTING_BLOCK_ROTATIONAL] = {"rotational", BLOCK_QUEUE,
					 "/sys/block/%s/queue/rotational", 1, "switch", RANGE(0, 1),
					 COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE, "",
					 "whether a block device has moving parts (a fact about "
					 "it, read only)",
					 .reference = "Documentation/ABI/stable/sysfs-block"},
	[TS_SETTING_BLOCK_HARDWARE_TAGS] = {"nr_tags", BLOCK_QUEUE, "/sys/block/%s/mq/0/nr_tags", 1,
					    "requests", RANGE(0, 1048576), COUPLED(NONE, NONE),
					    TS_EFFECT_AT_ONCE, "",
					    "requests the driver takes at once (read-only)",
					    .reference = "block/blk-mq-sysfs.c"},
	[TS_SETTING_MOUNT_ATIME] = {"mount/atime", .kind = TS_SETTING_MOUNT,
				    .scope = TS_SCOPE_MOUNT, "/proc/self/mountinfo", 0, "option",
				    RANGE(0, 0), COUPLED(NONE, NONE), TS_EFFECT_AT_ONCE,
				    "programs that compare access times (some mail readers and "
				    "cleaners of temporary files) no longer see what was read",
				    "when reading a file changes its access time: strictatime "
				    "(each time), relatime (once a day, or after it was written), "
				    "noatime (never)",
				    .reference = "mount(8); inode(7)"},
	/* clang-format on */
