// SPDX-License-Identifier: GPL-2.0-only
#include "socket_namespaces.h"

#include <stdlib.h>

#define FOUND 64 /* a power of two: namespaces that are found again without a search */

struct ts_socket_namespaces {
	struct ts_netns_table *table;
	__u64 reading;
	struct {
		__u64 reading;
		__u32 netns;
		struct ts_netns_entry *entry; /* NULL: it is not in the table */
	} found[FOUND];
	/* In the slots of the table. */
	struct {
		__u64 reading;
		bool entered;
		struct ts_netns_limits limits;
	} allowed[TS_NETNS_MAX];
};

struct ts_socket_namespaces *ts_socket_namespaces_new(void)
{
	return calloc(1, sizeof(struct ts_socket_namespaces));
}

void ts_socket_namespaces_free(struct ts_socket_namespaces *namespaces)
{
	free(namespaces);
}

void ts_socket_namespaces_begin(struct ts_socket_namespaces *namespaces,
				struct ts_netns_table *table)
{
	namespaces->table = table;
	namespaces->reading++;
}

static struct ts_netns_entry *search(struct ts_netns_table *table, __u32 netns)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entry[i].alive && (__u32)table->entry[i].inode == netns)
			return &table->entry[i];
	return NULL;
}

struct ts_netns_entry *ts_socket_namespace(struct ts_socket_namespaces *namespaces, __u32 netns)
{
	size_t place = netns & (FOUND - 1);

	if (namespaces->found[place].reading != namespaces->reading ||
	    namespaces->found[place].netns != netns) {
		namespaces->found[place].reading = namespaces->reading;
		namespaces->found[place].netns = netns;
		namespaces->found[place].entry = search(namespaces->table, netns);
	}
	return namespaces->found[place].entry;
}

const struct ts_netns_limits *ts_socket_namespace_limits(struct ts_socket_namespaces *namespaces,
							 const struct ts_netns_entry *entry)
{
	struct ts_netns_table *table = namespaces->table;
	size_t slot = (size_t)(entry - table->entry);

	if (namespaces->allowed[slot].reading != namespaces->reading) {
		namespaces->allowed[slot].reading = namespaces->reading;
		namespaces->allowed[slot].entered = !ts_netns_enter(table, entry);
		if (namespaces->allowed[slot].entered) {
			ts_netns_limits_read(&namespaces->allowed[slot].limits);
			ts_netns_leave(table);
		}
	}
	return namespaces->allowed[slot].entered ? &namespaces->allowed[slot].limits : NULL;
}
