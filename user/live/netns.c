// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing here keeps a namespace alive: the table remembers inode numbers, and where to find the
 * namespace (a process, or a name in /run/netns); it is opened for each visit. Only the namespace
 * tunescope was started in stays open, to find the way home.
 */
#include "netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMED_DIRECTORY "/run/netns"

/* One refresh: which slots were seen, and by which process or name. */
struct refresh {
	struct ts_netns_table *table;
	const char *proc;
	bool seen[TS_NETNS_MAX];
	bool named[TS_NETNS_MAX];
	bool pid_confirmed[TS_NETNS_MAX]; /* the process remembered still lives there */
	pid_t candidate[TS_NETNS_MAX];	  /* another one that does */
	size_t last;			  /* slot of the last hit: neighbours share namespaces */
};

static struct ts_netns_entry *take_slot(struct ts_netns_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (!table->entry[i].alive)
			return &table->entry[i];
	return table->count < TS_NETNS_MAX ? &table->entry[table->count++] : NULL;
}

static struct ts_netns_entry *add_entry(struct ts_netns_table *table, ino_t inode)
{
	struct ts_netns_entry *entry = take_slot(table);

	if (!entry)
		return NULL;
	*entry = (struct ts_netns_entry){.inode = inode, .alive = true};
	snprintf(entry->label, sizeof entry->label, "%llu", (unsigned long long)inode);
	return entry;
}

int ts_netns_open(struct ts_netns_table *table)
{
	struct stat status;
	struct ts_netns_entry *entry;

	*table = (struct ts_netns_table){.home = -1};
	table->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (table->home < 0)
		return -errno;
	if (fstat(table->home, &status) < 0) {
		int error = -errno;

		ts_netns_close(table);
		return error;
	}
	entry = add_entry(table, status.st_ino);
	entry->initial = true;
	return 0;
}

void ts_netns_close(struct ts_netns_table *table)
{
	if (table->home >= 0)
		close(table->home);
	table->home = -1;
	table->count = 0;
}

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
	entry = add_entry(table, inode);
	return entry ? (int)(entry - table->entry) : -1;
}

static void read_comm(const char *proc, struct ts_netns_entry *entry)
{
	char path[128];
	FILE *file;

	entry->comm[0] = '\0';
	snprintf(path, sizeof path, "%s/%d/comm", proc, (int)entry->pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(entry->comm, sizeof entry->comm, file))
		entry->comm[strcspn(entry->comm, "\n")] = '\0';
	fclose(file);
}

static void see_process(struct refresh *refresh, ino_t inode, pid_t pid, size_t *beyond)
{
	int slot = find_or_add(refresh, inode);

	if (slot < 0) {
		++*beyond;
		return;
	}
	refresh->seen[slot] = true;
	if (refresh->table->entry[slot].pid == pid)
		refresh->pid_confirmed[slot] = true;
	else if (!refresh->candidate[slot])
		refresh->candidate[slot] = pid;
}

static void scan_processes(struct refresh *refresh, size_t *beyond)
{
	DIR *directory = opendir(refresh->proc);
	struct dirent *row;
	struct stat status;
	char path[64];

	if (!directory)
		return;
	while ((row = readdir(directory))) {
		if (!isdigit((unsigned char)row->d_name[0]))
			continue;
		snprintf(path, sizeof path, "%.20s/ns/net", row->d_name);
		/* A process that has just ended, or a zombie, has none. */
		if (!fstatat(dirfd(directory), path, &status, 0))
			see_process(refresh, status.st_ino, (pid_t)atoi(row->d_name), beyond);
	}
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

static void scan_names(struct refresh *refresh, size_t *beyond)
{
	DIR *directory = opendir(NAMED_DIRECTORY);
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
		if (slot < 0) {
			++*beyond;
			continue;
		}
		refresh->seen[slot] = true;
		set_name(refresh, slot, row->d_name);
	}
	closedir(directory);
}

static void settle(struct refresh *refresh, size_t slot)
{
	struct ts_netns_entry *entry = &refresh->table->entry[slot];

	entry->alive = entry->initial || refresh->seen[slot];
	if (!refresh->named[slot])
		entry->name[0] = '\0';
	if (refresh->pid_confirmed[slot]) {
		if (!entry->comm[0])
			read_comm(refresh->proc, entry);
		return;
	}
	if (entry->pid == refresh->candidate[slot])
		return;
	entry->pid = refresh->candidate[slot];
	entry->comm[0] = '\0';
	if (entry->pid)
		read_comm(refresh->proc, entry);
}

void ts_netns_refresh(struct ts_netns_table *table, const char *proc)
{
	struct refresh refresh = {.table = table, .proc = proc};
	size_t beyond = 0;

	scan_names(&refresh, &beyond);
	scan_processes(&refresh, &beyond);
	for (size_t i = 0; i < table->count; i++)
		if (table->entry[i].alive)
			settle(&refresh, i);
	table->unvisited = beyond;
}

/* Opens path if it is (still) the namespace of that inode. */
static int open_checked(const char *path, ino_t inode)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (descriptor < 0)
		return -errno;
	if (!fstat(descriptor, &status) && status.st_ino == inode)
		return descriptor;
	close(descriptor);
	return -ESTALE;
}

int ts_netns_enter(struct ts_netns_table *table, const struct ts_netns_entry *entry)
{
	char path[sizeof NAMED_DIRECTORY + sizeof entry->name + 1];
	int descriptor = -ESTALE, error;

	if (entry->initial)
		return 0;
	if (!entry->alive)
		return -ESTALE;
	if (entry->name[0]) {
		snprintf(path, sizeof path, NAMED_DIRECTORY "/%s", entry->name);
		descriptor = open_checked(path, entry->inode);
	}
	if (descriptor < 0 && entry->pid) {
		snprintf(path, sizeof path, "/proc/%d/ns/net", (int)entry->pid);
		descriptor = open_checked(path, entry->inode);
	}
	error = descriptor;
	if (descriptor >= 0) {
		error = setns(descriptor, CLONE_NEWNET) < 0 ? -errno : 0;
		table->away = table->away || !error;
		close(descriptor);
	}
	table->entry[entry - table->entry].refused = error == -EPERM || error == -EACCES;
	return error;
}

void ts_netns_coverage(const struct ts_netns_table *table, struct ts_snapshot *snapshot)
{
	char why[128];
	size_t refused = 0;

	for (size_t i = 0; i < table->count; i++)
		refused += table->entry[i].alive && table->entry[i].refused;
	if (!refused)
		return;
	snprintf(why, sizeof why,
		 "%zu of the network namespaces may not be entered (CAP_SYS_ADMIN): what happens "
		 "there is not seen",
		 refused);
	ts_for_each_family (id) {
		enum ts_source_id source = ts_families[id].source;
		enum ts_status status = snapshot->family[id].status;

		if ((source == TS_SOURCE_LISTENERS || source == TS_SOURCE_SOCKETS ||
		     source == TS_SOURCE_PROC_NET) &&
		    (status == TS_STATUS_OK || status == TS_STATUS_NO_DATA))
			ts_snapshot_family_status(snapshot, id, TS_STATUS_OK, why);
	}
}

void ts_netns_leave(struct ts_netns_table *table)
{
	/* Without CAP_SYS_ADMIN no namespace was ever entered, and setns would be refused. */
	if (!table->away)
		return;
	/* Going home cannot fail for a reason we could handle: the descriptor is ours and open. */
	table->away = false;
	if (setns(table->home, CLONE_NEWNET) < 0)
		abort();
}

void ts_netns_snapshot(const struct ts_netns_table *table, struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct ts_netns_entry *entry = &table->entry[i];

		if (!entry->alive)
			continue;
		ts_snapshot_netns(snapshot, &(struct ts_netns){
						    .inode = entry->label,
						    .name = entry->name,
						    .pid = (int)entry->pid,
						    .comm = entry->comm,
						    .initial = entry->initial,
					    });
	}
}
