// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table remembers inode numbers, and where to find the namespace (a process, or a name in
 * /run/netns). The namespace tunescope was started in stays open, to find the way home; those that
 * are looked at all the time are kept by a socket in them, as long as somebody else keeps them,
 * too.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns_table.h"
#include "sockdiag.h"

#ifndef SO_NETNS_COOKIE /* 5.14 */
#define SO_NETNS_COOKIE 71
#endif

/* Not in the tick right before a snapshot that does it itself, a second after the last one. */
#define REFRESH_NS 1050000000ULL
/* Several sources tick one after the other; every second tick will do. */
#define RELEASE_NS 150000000ULL
#define ACTIVE_NS  60000000000ULL /* traffic or listeners so long ago still count */

/* ---- entries */

static struct ts_netns_entry *take_slot(struct ts_netns_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (!table->entry[i].alive)
			return &table->entry[i];
	return table->count < TS_NETNS_MAX ? &table->entry[table->count++] : NULL;
}

struct ts_netns_entry *ts_netns_add(struct ts_netns_table *table, ino_t inode, __u64 now_ns)
{
	struct ts_netns_entry *entry = take_slot(table);

	if (!entry)
		return NULL;
	*entry = (struct ts_netns_entry){
		.inode = inode,
		.alive = true,
		.diag = -1,
		.serial = ++table->serials,
		.met_ns = now_ns,
		.old = !table->scanned_ns || table->unvisited,
	};
	snprintf(entry->label, sizeof entry->label, "%llu", (unsigned long long)inode);
	return entry;
}

static void release(struct ts_netns_entry *entry)
{
	if (entry->diag >= 0)
		close(entry->diag);
	entry->diag = -1;
}

void ts_netns_remove(struct ts_netns_entry *entry)
{
	release(entry);
	entry->alive = entry->detailed = false;
}

void ts_netns_lose(struct ts_netns_entry *entry)
{
	release(entry);
	entry->lost = entry->doubtful = true;
}

int ts_netns_open(struct ts_netns_table *table)
{
	struct stat status;
	struct ts_netns_entry *entry;

	/* Entries are filled in when they are taken: until then they need no memory. */
	memset(&table->count, 0, sizeof *table - offsetof(struct ts_netns_table, count));
	table->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (table->home < 0)
		return -errno;
	if (fstat(table->home, &status) < 0) {
		int error = -errno;

		ts_netns_close(table);
		return error;
	}
	entry = ts_netns_add(table, status.st_ino, 0);
	entry->initial = entry->detailed = true;
	return 0;
}

void ts_netns_close(struct ts_netns_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entry[i].alive)
			release(&table->entry[i]);
	if (table->home >= 0)
		close(table->home);
	table->home = -1;
	table->count = 0;
}

/* ---- where it is */

static bool is_inode(int directory, const char *path, ino_t inode)
{
	struct stat status;

	return !fstatat(directory, path, &status, 0) && status.st_ino == inode;
}

bool ts_netns_there(struct ts_netns_entry *entry, int proc)
{
	char path[sizeof TS_NETNS_NAMED + sizeof entry->name + 1];

	if (entry->name[0]) {
		snprintf(path, sizeof path, TS_NETNS_NAMED "/%s", entry->name);
		if (is_inode(AT_FDCWD, path, entry->inode))
			return true;
		entry->name[0] = '\0';
	}
	snprintf(path, sizeof path, "%d/ns/net", (int)entry->pid);
	return entry->pid && is_inode(proc, path, entry->inode);
}

void ts_netns_tick(struct ts_netns_table *table, const char *proc, __u64 monotonic_ns)
{
	int directory;

	if (monotonic_ns - table->released_ns < RELEASE_NS)
		return;
	table->released_ns = monotonic_ns;
	if (monotonic_ns - table->refreshed_ns >= REFRESH_NS)
		ts_netns_refresh(table, proc);
	directory = -1;
	for (size_t i = 0; i < table->count; i++) {
		struct ts_netns_entry *entry = &table->entry[i];

		if (!entry->alive || entry->initial || entry->diag < 0)
			continue;
		if (directory < 0)
			directory = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory < 0 || !ts_netns_there(entry, directory))
			ts_netns_lose(entry);
	}
	if (directory >= 0)
		close(directory);
}

bool ts_netns_gone(const struct ts_netns_table *table, __u32 inode)
{
	if (table->unvisited)
		return false;
	for (size_t i = 0; i < table->count; i++)
		if (table->entry[i].alive && (__u32)table->entry[i].inode == inode)
			return false;
	return true;
}

/* ---- series of their own */

/* Who should have them: the more, the rather. */
static int claim_of(const struct ts_netns_entry *entry, __u64 now_ns)
{
	if (entry->initial)
		return 3;
	if (entry->active_ns && entry->active_ns + ACTIVE_NS > now_ns)
		return 2;
	return entry->name[0] ? 1 : 0;
}

/* NULL: all that live have series of their own. */
static struct ts_netns_entry *best_other(struct ts_netns_table *table, __u64 now_ns)
{
	struct ts_netns_entry *best = NULL;

	for (size_t i = 0; i < table->count; i++) {
		struct ts_netns_entry *entry = &table->entry[i];

		if (!entry->alive || entry->detailed)
			continue;
		if (!best || claim_of(entry, now_ns) > claim_of(best, now_ns))
			best = entry;
	}
	return best;
}

/* One with less of a claim, for a while at least: series do not come and go with each snapshot. */
static struct ts_netns_entry *weakest(struct ts_netns_table *table, int claim, __u64 now_ns)
{
	struct ts_netns_entry *found = NULL;

	for (size_t i = 0; i < table->count; i++) {
		struct ts_netns_entry *entry = &table->entry[i];
		int its = entry->alive && entry->detailed ? claim_of(entry, now_ns) : claim;

		if (its >= claim || entry->detailed_ns + ACTIVE_NS > now_ns)
			continue;
		if (!found || its < claim_of(found, now_ns))
			found = entry;
	}
	return found;
}

void ts_netns_choose(struct ts_netns_table *table, __u64 now_ns)
{
	size_t detailed = 0, alive = 0;
	struct ts_netns_entry *entry, *instead;

	for (size_t i = 0; i < table->count; i++) {
		alive += table->entry[i].alive;
		detailed += table->entry[i].alive && table->entry[i].detailed;
	}
	while (detailed < alive && (entry = best_other(table, now_ns))) {
		if (detailed == TS_NETNS_DETAILED) {
			instead = weakest(table, claim_of(entry, now_ns), now_ns);
			if (!instead)
				break;
			release(instead);
			instead->detailed = false;
			detailed--;
		}
		entry->detailed = true;
		entry->detailed_ns = now_ns;
		detailed++;
	}
	table->undetailed = alive - detailed;
}

/* ---- going there */

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

/* In the namespace: if it is another one than the entry was made for, the entry becomes its. */
static void identify(struct ts_netns_table *table, struct ts_netns_entry *entry, int any_socket)
{
	__u64 cookie = 0;
	socklen_t length = sizeof cookie;

	if (getsockopt(any_socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length))
		cookie = 0;
	if (entry->cookie && cookie && cookie != entry->cookie) {
		entry->serial = ++table->serials;
		entry->old = false;
	}
	entry->cookie = cookie;
	entry->doubtful = false;
}

static int enter(struct ts_netns_table *table, struct ts_netns_entry *entry)
{
	char path[sizeof TS_NETNS_NAMED + sizeof entry->name + 1];
	int descriptor = -ESTALE, error;

	if (entry->initial)
		return 0;
	if (!entry->alive)
		return -ESTALE;
	if (entry->name[0]) {
		snprintf(path, sizeof path, TS_NETNS_NAMED "/%s", entry->name);
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
	entry->refused = error == -EPERM || error == -EACCES;
	return error;
}

int ts_netns_enter(struct ts_netns_table *table, const struct ts_netns_entry *entry)
{
	struct ts_netns_entry *own = &table->entry[entry - table->entry];
	int error = enter(table, own), diag;

	if (error || own->initial || (own->cookie && !own->doubtful))
		return error;
	diag = ts_sockdiag_open();
	if (diag >= 0) {
		identify(table, own, diag);
		close(diag);
	}
	return 0;
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

int ts_netns_diag(struct ts_netns_table *table, struct ts_netns_entry *entry)
{
	bool there = table->away;
	int diag, error;

	if (entry->diag >= 0)
		return entry->diag;
	error = there ? 0 : enter(table, entry);
	if (error)
		return error;
	diag = ts_sockdiag_open();
	if (!there)
		ts_netns_leave(table);
	if (diag < 0)
		return diag;
	identify(table, entry, diag);
	if (entry->detailed)
		entry->diag = diag;
	return diag;
}

void ts_netns_diag_done(struct ts_netns_entry *entry, int diag)
{
	if (diag != entry->diag)
		close(diag);
}

/* ---- in snapshots */

void ts_netns_coverage(const struct ts_netns_table *table, struct ts_snapshot *snapshot)
{
	char why[384] = "";
	size_t refused = 0, used = 0;

	for (size_t i = 0; i < table->count; i++)
		refused += table->entry[i].alive && table->entry[i].refused;
	if (refused)
		used = (size_t)snprintf(why, sizeof why,
					"%zu of the network namespaces may not be entered "
					"(CAP_SYS_ADMIN): what happens there is not seen",
					refused);
	if (table->undetailed)
		used += (size_t)snprintf(why + used, sizeof why - used,
					 "%s%zu network namespaces are counted together as other",
					 used ? "; " : "", table->undetailed);
	if (table->unvisited)
		used += (size_t)snprintf(why + used, sizeof why - used,
					 "%smore than %d network namespaces: the rest are not seen",
					 used ? "; " : "", TS_NETNS_MAX);
	if (!used)
		return;
	ts_for_each_family (id) {
		enum ts_source_id source = ts_families[id].source;
		const struct ts_family_data *data = &snapshot->family[id];
		char both[768];

		if ((source != TS_SOURCE_LISTENERS && source != TS_SOURCE_SOCKETS &&
		     source != TS_SOURCE_ORPHANS && source != TS_SOURCE_PROC_NET &&
		     source != TS_SOURCE_DATAGRAMS && source != TS_SOURCE_NET_TABLES) ||
		    (data->status != TS_STATUS_OK && data->status != TS_STATUS_NO_DATA))
			continue;
		snprintf(both, sizeof both, "%s%s%s", data->why, *data->why ? "; " : "", why);
		ts_snapshot_family_status(snapshot, id, TS_STATUS_OK, both);
	}
}

void ts_netns_snapshot(const struct ts_netns_table *table, struct ts_snapshot *snapshot)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct ts_netns_entry *entry = &table->entry[i];

		if (!entry->alive || !entry->detailed)
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
