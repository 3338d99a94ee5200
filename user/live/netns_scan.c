// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding namespaces. All processes are looked at only now and then: in between, those that are new
 * (the kernel numbers them one after the other) and the names in /run/netns when the directory has
 * changed tell of new namespaces, and where each was last found tells whether it is still there.
 */
#include "netns.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "netns_table.h"

#define SCAN_NS	     10000000000ULL /* all processes at least so often, */
#define SCAN_SHARE   4000	    /* unless that took more than one part in so many, */
#define SEARCH_SHARE 300	    /* or so many while one is lost */
#define NAMES_NS     2000000000ULL  /* a name is there a moment before its namespace is */
#define NEWEST_PIDS  150	    /* more new ones than that: look at all */
#define YOUNG_NS     3000000000ULL  /* a process may still be about to call exec */
#define CHECKS	     64		    /* entries looked up in one refresh */

/* One refresh: which slots were seen, and by which process or name. */
struct refresh {
	struct ts_netns_table *table;
	int proc;
	__u64 now;
	bool seen[TS_NETNS_MAX];
	bool named[TS_NETNS_MAX];
	bool pid_confirmed[TS_NETNS_MAX]; /* the process remembered still lives there */
	pid_t candidate[TS_NETNS_MAX];	  /* another one that does */
	size_t last;			  /* slot of the last hit: neighbours share namespaces */
	size_t beyond;
};

/* The slot of an inode, or -1 when there is none left. */
static int find_or_add(struct refresh *refresh, ino_t inode)
{
	struct ts_netns_table *table = refresh->table;
	struct ts_netns_entry *entry;

	if (refresh->last < table->count && table->entry[refresh->last].inode == inode &&
	    table->entry[refresh->last].alive)
		return (int)refresh->last;
	for (size_t i = 0; i < table->count; i++) {
		if (table->entry[i].inode != inode || !table->entry[i].alive)
			continue;
		refresh->last = i;
		return (int)i;
	}
	entry = ts_netns_add(table, inode, refresh->now);
	if (entry)
		return (int)(entry - table->entry);
	refresh->beyond++;
	return -1;
}

static void read_comm(const struct refresh *refresh, struct ts_netns_entry *entry)
{
	char path[32];
	ssize_t length;
	int file;

	entry->comm[0] = '\0';
	snprintf(path, sizeof path, "%d/comm", (int)entry->pid);
	file = openat(refresh->proc, path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return;
	length = read(file, entry->comm, sizeof entry->comm - 1);
	close(file);
	entry->comm[length > 0 ? length : 0] = '\0';
	entry->comm[strcspn(entry->comm, "\n")] = '\0';
}

/* The namespace of a process; 0: it has just ended, or is a zombie. */
static ino_t namespace_of(const struct refresh *refresh, pid_t pid)
{
	struct stat status;
	char path[32];

	snprintf(path, sizeof path, "%d/ns/net", (int)pid);
	return fstatat(refresh->proc, path, &status, 0) ? 0 : status.st_ino;
}

static void see_process(struct refresh *refresh, pid_t pid)
{
	ino_t inode = namespace_of(refresh, pid);
	int slot = inode ? find_or_add(refresh, inode) : -1;

	if (slot < 0)
		return;
	refresh->seen[slot] = true;
	if (refresh->table->entry[slot].pid == pid)
		refresh->pid_confirmed[slot] = true;
	else if (!refresh->candidate[slot])
		refresh->candidate[slot] = pid;
}

static void scan_processes(struct refresh *refresh)
{
	int copy = dup(refresh->proc);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *row;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return;
	}
	rewinddir(directory);
	while ((row = readdir(directory)))
		if (isdigit((unsigned char)row->d_name[0]))
			see_process(refresh, (pid_t)atoi(row->d_name));
	closedir(directory);
}

/* The first of several names; one that does not fit could not be opened again. */
static void set_name(struct refresh *refresh, int slot, const char *name)
{
	struct ts_netns_entry *entry = &refresh->table->entry[slot];
	size_t length = strlen(name);

	if (refresh->named[slot] || length >= sizeof entry->name)
		return;
	memcpy(entry->name, name, length + 1);
	refresh->named[slot] = true;
}

static void scan_names(struct refresh *refresh)
{
	DIR *directory = opendir(TS_NETNS_NAMED);
	struct dirent *row;
	struct stat status, parent;

	if (!directory)
		return;
	if (fstat(dirfd(directory), &parent) < 0)
		parent.st_dev = 0;
	while ((row = readdir(directory))) {
		int slot;

		/* A mounted namespace; a plain file here is one whose mount is gone. */
		if (row->d_name[0] == '.' || fstatat(dirfd(directory), row->d_name, &status, 0) ||
		    status.st_dev == parent.st_dev)
			continue;
		slot = find_or_add(refresh, status.st_ino);
		if (slot < 0)
			continue;
		refresh->seen[slot] = true;
		set_name(refresh, slot, row->d_name);
	}
	closedir(directory);
}

/* The mount follows the name: for a while after a change the directory is read again. */
static bool names_changed(struct refresh *refresh)
{
	struct ts_netns_table *table = refresh->table;
	__u64 changed = 0;
	struct stat status;

	if (!stat(TS_NETNS_NAMED, &status))
		changed = (__u64)status.st_mtim.tv_sec * 1000000000ULL +
			  (__u64)status.st_mtim.tv_nsec + 1;
	if (changed != table->names_changed_ns)
		table->names_ns = refresh->now;
	table->names_changed_ns = changed;
	return refresh->now - table->names_ns <= NAMES_NS;
}

/* ---- all processes */

static void settle(struct refresh *refresh, size_t slot)
{
	struct ts_netns_entry *entry = &refresh->table->entry[slot];

	entry->lost = false;
	if (!refresh->named[slot])
		entry->name[0] = '\0';
	if (!entry->initial && !refresh->seen[slot]) {
		ts_netns_remove(entry);
		return;
	}
	if (!refresh->pid_confirmed[slot])
		entry->pid = refresh->candidate[slot];
	if (entry->pid)
		read_comm(refresh, entry);
	else
		entry->comm[0] = '\0';
}

static void refresh_all(struct refresh *refresh)
{
	struct ts_netns_table *table = refresh->table;
	__u64 before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	scan_names(refresh);
	scan_processes(refresh);
	for (size_t i = 0; i < table->count; i++)
		if (table->entry[i].alive)
			settle(refresh, i);
	table->unvisited = refresh->beyond;
	table->scanned_ns = refresh->now;
	table->scan_wanted = false;
	table->scan_cost_ns = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
}

/* ---- what is new */

/* The number of the process that was started last; 0: unknown. */
static int newest_process(const struct refresh *refresh)
{
	int file = openat(refresh->proc, "loadavg", O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	const char *last;
	ssize_t length;

	if (file < 0)
		return 0;
	length = read(file, text, sizeof text - 1);
	close(file);
	text[length > 0 ? length : 0] = '\0';
	last = strrchr(text, ' ');
	return last ? atoi(last + 1) : 0;
}

/*
 * Those met last time are looked at again: they may have entered their namespace since. False when
 * it cannot be told which are new, or it is quicker to look at all.
 */
static bool refresh_new(struct refresh *refresh)
{
	struct ts_netns_table *table = refresh->table;
	int from = table->pid[2] ? table->pid[2] : table->pid[1], to = table->pid[0];

	if (!from || !to || to < from || to - from > NEWEST_PIDS)
		return false;
	if (names_changed(refresh))
		scan_names(refresh);
	for (int pid = from + 1; pid <= to; pid++)
		see_process(refresh, pid);
	for (size_t i = 0; i < table->count; i++) {
		struct ts_netns_entry *entry = &table->entry[i];

		if (!entry->alive || entry->initial)
			continue;
		if ((!entry->pid || entry->lost) && refresh->candidate[i])
			entry->pid = refresh->candidate[i];
		if (refresh->seen[i])
			entry->lost = false;
		if (entry->pid && refresh->now - entry->met_ns < YOUNG_NS)
			read_comm(refresh, entry);
	}
	if (table->unvisited < refresh->beyond)
		table->unvisited = refresh->beyond;
	return true;
}

/* A few with each refresh, and all in turn. True when one is lost. */
static bool check_some(struct refresh *refresh)
{
	struct ts_netns_table *table = refresh->table;
	size_t looks = table->count < CHECKS ? table->count : CHECKS;
	bool lost = false;

	for (size_t i = 0; i < looks; i++) {
		struct ts_netns_entry *entry = &table->entry[table->checked++ % table->count];

		if (entry->alive && !entry->initial && !ts_netns_there(entry, refresh->proc))
			ts_netns_lose(entry);
	}
	for (size_t i = 0; i < table->count; i++)
		lost |= table->entry[i].alive && table->entry[i].lost;
	return lost;
}

/* A scan of all is due, as far as its cost allows. */
static bool scan_due(const struct refresh *refresh, bool lost)
{
	const struct ts_netns_table *table = refresh->table;
	__u64 least = table->scan_cost_ns * (lost ? SEARCH_SHARE : SCAN_SHARE);

	if (!lost && !table->scan_wanted && least < SCAN_NS)
		least = SCAN_NS;
	return refresh->now - table->scanned_ns >= least;
}

void ts_netns_refresh(struct ts_netns_table *table, const char *proc)
{
	struct refresh refresh = {.table = table, .now = ts_clock_ns(CLOCK_MONOTONIC)};
	int newest;
	bool lost;

	refresh.proc = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (refresh.proc < 0)
		return;
	newest = newest_process(&refresh);
	if (!table->scanned_ns || !newest) {
		table->pid[0] = newest;
		refresh_all(&refresh);
	} else {
		table->pid[2] = table->pid[1];
		table->pid[1] = table->pid[0];
		table->pid[0] = newest;
		lost = check_some(&refresh);
		if (!refresh_new(&refresh) && !lost)
			table->scan_wanted = true;
		if (scan_due(&refresh, lost))
			refresh_all(&refresh);
	}
	close(refresh.proc);
	table->refreshed_ns = refresh.now;
	ts_netns_choose(table, refresh.now);
}
