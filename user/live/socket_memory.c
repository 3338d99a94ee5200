// SPDX-License-Identifier: GPL-2.0-only
#include "socket_memory.h"

#include <stdlib.h>
#include <string.h>

#define START	1024
#define MAXIMUM 131072 /* 88 bytes each, and there are two tables */

struct remembered {
	__u64 identity; /* 0: free */
	struct ts_socket_progress progress;
	__u64 met_ns;
	__u32 netns;
	__u32 request, paused_window;
	__u16 local_port, remote_port;
};

struct table {
	struct remembered *entry; /* open addressing */
	size_t capacity, count;
};

struct ts_socket_memory {
	struct table last, now;
	__u64 lost;
};

static bool table_new(struct table *table, size_t capacity)
{
	*table = (struct table){
		.entry = calloc(capacity, sizeof *table->entry),
		.capacity = capacity,
	};
	return table->entry;
}

struct ts_socket_memory *ts_socket_memory_new(void)
{
	struct ts_socket_memory *memory = calloc(1, sizeof *memory);

	if (memory && table_new(&memory->last, START) && table_new(&memory->now, START))
		return memory;
	ts_socket_memory_free(memory);
	return NULL;
}

void ts_socket_memory_free(struct ts_socket_memory *memory)
{
	if (!memory)
		return;
	free(memory->last.entry);
	free(memory->now.entry);
	free(memory);
}

void ts_socket_memory_begin(struct ts_socket_memory *memory)
{
	if (memory->now.count)
		memset(memory->now.entry, 0, memory->now.capacity * sizeof *memory->now.entry);
	memory->now.count = 0;
}

void ts_socket_memory_end(struct ts_socket_memory *memory)
{
	struct table last = memory->last;

	memory->last = memory->now;
	memory->now = last;
}

static struct remembered *place_of(const struct table *table, __u64 identity)
{
	size_t place = (identity * 0x9e3779b97f4a7c15ULL >> 32) & (table->capacity - 1);

	while (table->entry[place].identity && table->entry[place].identity != identity)
		place = (place + 1) & (table->capacity - 1);
	return &table->entry[place];
}

static bool grow(struct table *table)
{
	struct table larger;

	if (table->capacity >= MAXIMUM || !table_new(&larger, table->capacity * 2))
		return false;
	for (size_t i = 0; i < table->capacity; i++)
		if (table->entry[i].identity)
			*place_of(&larger, table->entry[i].identity) = table->entry[i];
	larger.count = table->count;
	free(table->entry);
	*table = larger;
	return true;
}

static void remember(struct ts_socket_memory *memory, struct table *table,
		     const struct remembered *fresh)
{
	struct remembered *entry;

	if (table->count >= table->capacity * 3 / 4 && !grow(table)) {
		memory->lost++;
		return;
	}
	entry = place_of(table, fresh->identity);
	table->count += !entry->identity;
	*entry = *fresh;
}

/*
 * What is remembered, if that is of the same connection: the kernel uses the memory of sockets
 * again.
 */
static struct ts_socket_past past_of(const struct table *table, const struct remembered *now)
{
	const struct remembered *last = place_of(table, now->identity);

	if (!last->identity || last->netns != now->netns || last->local_port != now->local_port ||
	    last->remote_port != now->remote_port || last->met_ns >= now->met_ns ||
	    last->progress.bytes_received > now->progress.bytes_received ||
	    last->progress.bytes_acked > now->progress.bytes_acked)
		return (struct ts_socket_past){0};
	return (struct ts_socket_past){
		.met = true,
		.progress = last->progress,
		.elapsed_ns = now->met_ns - last->met_ns,
		.request = last->request,
		.paused_window = last->paused_window,
	};
}

struct ts_socket_past ts_socket_memory_past(const struct ts_socket_memory *memory,
					    const struct ts_socket_record *record, __u32 netns,
					    __u64 ended_ns)
{
	const struct remembered end = {
		.identity = record->identity,
		.progress = record->progress,
		.met_ns = ended_ns,
		.netns = netns,
		.local_port = record->local_port,
		.remote_port = record->remote_port,
	};
	struct ts_socket_past now = past_of(&memory->now, &end);
	struct ts_socket_past last = past_of(&memory->last, &end);

	/* Between two rounds that which is called now is the older one. */
	return now.met && (!last.met || now.elapsed_ns < last.elapsed_ns) ? now : last;
}

struct ts_socket_past ts_socket_memory_update(struct ts_socket_memory *memory, bool round,
					      const struct ts_socket_record *record, __u32 netns,
					      __u64 now_ns, __u32 request, __u32 paused_window)
{
	struct remembered fresh = {
		.identity = record->identity,
		.progress = record->progress,
		.met_ns = now_ns,
		.netns = netns,
		.request = request,
		.paused_window = paused_window,
		.local_port = record->local_port,
		.remote_port = record->remote_port,
	};
	struct ts_socket_past past = past_of(&memory->last, &fresh);

	remember(memory, round ? &memory->now : &memory->last, &fresh);
	return past;
}

__u64 ts_socket_memory_lost(const struct ts_socket_memory *memory)
{
	return memory->lost;
}
