// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of the network stack that can be full: neighbours (of the whole host) and tracked
 * connections (of each namespace). About once a second their statistics are read; what fills a
 * table is looked at only while the kernel reports that it is full.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "netns.h"
#include "pace.h"
#include "procfile.h"
#include "table_states.h"

#define VISIT_NS    900000000ULL  /* between two readings, and */
#define REST_MOST   2900000000ULL /* not longer than that, whatever they cost */
#define LOOK_NS	    2000000000ULL /* between two looks at what fills a table */
#define COLUMNS_MAX 32
#define TABLES	    2

enum neighbour_event { TABLE_FULL, FORCED_GC, NEIGHBOUR_EVENTS };
enum conntrack_event { DROP, EARLY_DROP, CONNTRACK_EVENTS };

struct event_column {
	const char *column; /* in the file's first line */
	const char *event;  /* as shown */
};

static const struct event_column neighbour_columns[NEIGHBOUR_EVENTS] = {
	{"table_fulls", "table-full"},
	{"forced_gc_runs", "forced-gc"},
};
static const struct event_column conntrack_columns[CONNTRACK_EVENTS] = {
	{"drop", "drop"},
	{"early_drop", "early-drop"},
};

struct neighbour_table {
	const char *name, *file;
	int family;
};
static const struct neighbour_table neighbour_tables[TABLES] = {
	{"arp", "stat/arp_cache", AF_INET},
	{"ndisc", "stat/ndisc_cache", AF_INET6},
};

struct table {
	bool seen;
	__u64 entries, peak;
	__u64 event[NEIGHBOUR_EVENTS];
	__u64 noted; /* table-full events when its entries were last looked at */
};

/* A namespace, in its slot of the table of namespaces. */
struct space {
	__u64 serial; /* 0: not read yet */
	__u64 read_ns;
	bool tracks; /* connections are tracked in it */
	__u64 entries, peak;
	__u64 event[CONNTRACK_EVENTS];
	__u64 noted;
	bool flows_known, neighbours_known[TABLES];
	__u64 flow[TS_FLOW_STATES];
	__u64 neighbour[TABLES][TS_NEIGHBOUR_STATES];
};

struct net_tables {
	char root[TS_PROC_PATH_MAX], count_path[TS_PROC_PATH_MAX];
	struct table table[TABLES];
	struct space *space; /* TS_NETNS_MAX */
	__u64 visited_ns, next_ns, looked_ns;
	int conntrack_error, states_error; /* of the last readings; 0: none */
	int neighbour_error[TABLES];
};

/* ---- one statistics file: a line of names, and a line of hexadecimal numbers for each CPU */

static int learn_columns(char *names, const struct event_column *wanted, size_t count,
			 int column[COLUMNS_MAX])
{
	const char *name;

	for (int i = 0; i < COLUMNS_MAX; i++)
		column[i] = -1;
	for (int i = 0; (name = ts_take_word(&names)); i++) {
		if (i == COLUMNS_MAX)
			return -EPROTO;
		for (size_t k = 0; k < count; k++)
			if (!strcmp(wanted[k].column, name))
				column[i] = (int)k;
	}
	return 0;
}

/* The first column is the number of entries of the whole table, the same in each line. */
static int parse_statistics(char *text, const struct event_column *wanted, size_t count,
			    __u64 *entries, __u64 *event)
{
	char *line = ts_take_line(&text);
	int column[COLUMNS_MAX], error;

	if (!line)
		return -EPROTO;
	error = learn_columns(line, wanted, count, column);
	if (error)
		return error;
	memset(event, 0, count * sizeof *event);
	while ((line = ts_take_line(&text))) {
		__u64 value;

		for (int i = 0; i < COLUMNS_MAX && ts_take_hexadecimal(&line, &value); i++)
			if (column[i] >= 0)
				event[column[i]] += value;
			else if (!i)
				*entries = value;
	}
	return 0;
}

static int read_statistics(const struct net_tables *state, const char *name,
			   const struct event_column *wanted, size_t count, __u64 *entries,
			   __u64 *event)
{
	/* Not kept open: an open file would keep the namespace alive after its processes. */
	struct ts_procfile file = {.descriptor = -1};
	int error = ts_procfile_open(&file, state->root, name);

	if (!error)
		error = ts_procfile_read(&file);
	if (!error)
		error = parse_statistics(file.text, wanted, count, entries, event);
	ts_procfile_close(&file);
	return error;
}

/* ---- reading */

static void raise_peak(__u64 *peak, __u64 value)
{
	if (value > *peak)
		*peak = value;
}

static void read_neighbours(struct net_tables *state)
{
	for (int i = 0; i < TABLES; i++) {
		struct table *table = &state->table[i];
		bool first = !table->seen;

		state->neighbour_error[i] =
			read_statistics(state, neighbour_tables[i].file, neighbour_columns,
					NEIGHBOUR_EVENTS, &table->entries, table->event);
		if (state->neighbour_error[i])
			continue;
		table->seen = true;
		if (first)
			table->noted = table->event[TABLE_FULL];
		raise_peak(&table->peak, table->entries);
	}
}

/* In the namespace. Without connection tracking there are no such files: nothing to count. */
static int read_conntrack(struct net_tables *state, struct space *space)
{
	bool first = !space->tracks;
	char text[32];
	ssize_t length;
	int error = read_statistics(state, "stat/nf_conntrack", conntrack_columns, CONNTRACK_EVENTS,
				    &space->entries, space->event);

	space->tracks = !error;
	if (error)
		return error == -ENOENT ? 0 : error;
	/* Since 5.15 the statistics show the entries, but not all of the time. */
	length = ts_read_small(AT_FDCWD, state->count_path, text, sizeof text);
	if (length > 0 && !ts_is_number(text, &space->entries))
		return -EPROTO;
	if (first)
		space->noted = space->event[DROP] + space->event[EARLY_DROP];
	raise_peak(&space->peak, space->entries);
	return 0;
}

static void look_at_flows(struct net_tables *state, struct space *space)
{
	int error;

	memset(space->flow, 0, sizeof space->flow);
	error = ts_flow_states(space->flow);
	space->flows_known = !error;
	space->noted = space->event[DROP] + space->event[EARLY_DROP];
	if (error)
		state->states_error = error;
}

static void look_at_neighbours(struct net_tables *state, struct space *space, int table)
{
	int error;

	memset(space->neighbour[table], 0, sizeof space->neighbour[table]);
	error = ts_neighbour_states(neighbour_tables[table].family, space->neighbour[table]);
	space->neighbours_known[table] = !error;
	if (error)
		state->states_error = error;
}

static bool table_is_full(const struct net_tables *state, int table)
{
	return state->table[table].seen &&
	       state->table[table].event[TABLE_FULL] > state->table[table].noted;
}

static void visit_namespace(struct ts_live *live, struct net_tables *state, size_t slot, __u64 now,
			    bool look)
{
	const struct ts_netns_entry *entry = &live->netns->entry[slot];
	struct space *space = &state->space[slot];
	int error;

	if (space->serial != entry->serial)
		*space = (struct space){.serial = entry->serial};
	space->read_ns = now;
	/* One that cannot be entered has gone since the last refresh. */
	if (ts_netns_enter(live->netns, entry))
		return;
	error = read_conntrack(state, space);
	if (error)
		state->conntrack_error = error;
	if (look && space->tracks && space->event[DROP] + space->event[EARLY_DROP] > space->noted)
		look_at_flows(state, space);
	for (int i = 0; look && i < TABLES; i++)
		if (table_is_full(state, i))
			look_at_neighbours(state, space, i);
	ts_netns_leave(live->netns);
}

/* The one that has waited longest; -1: all have been read by now. */
static ssize_t next_namespace(const struct ts_live *live, const struct net_tables *state, __u64 now)
{
	ssize_t oldest = -1;
	__u64 since = now;

	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];
		const struct space *space = &state->space[i];
		__u64 read = space->serial == entry->serial ? space->read_ns : 0;

		if (!entry->alive || !entry->detailed || read >= since)
			continue;
		since = read;
		oldest = (ssize_t)i;
	}
	return oldest;
}

static void visit_all(struct ts_live *live, struct net_tables *state)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), start = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool eager = ts_pace_eager(live, now, TS_PACE_EAGER_NS);
	__u64 budget = ts_pace_budget(TS_PACE_NETWORK_TABLES, eager, now - state->visited_ns), rest;
	bool look = now - state->looked_ns >= LOOK_NS, full = false;
	ssize_t slot;

	state->conntrack_error = state->states_error = 0;
	read_neighbours(state);
	for (int i = 0; i < TABLES; i++)
		full |= table_is_full(state, i);
	while ((slot = next_namespace(live, state, now)) >= 0) {
		visit_namespace(live, state, (size_t)slot, now, look);
		/* What fills a table of the host is known only after a look at all of them. */
		if (ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start >= budget && !(look && full) &&
		    state->visited_ns)
			break;
	}
	for (int i = 0; look && i < TABLES; i++)
		state->table[i].noted = state->table[i].event[TABLE_FULL];
	if (look)
		state->looked_ns = now;
	rest = ts_pace_rest(TS_PACE_NETWORK_TABLES, eager,
			    ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start);
	/* The budget is what bounds a visit of many; only that of one may come less often. */
	state->visited_ns = now;
	state->next_ns = now + (rest < VISIT_NS ? VISIT_NS : rest > REST_MOST ? REST_MOST : rest);
}

static void net_tables_tick(struct ts_live *live, void *data, __u64 monotonic_ns)
{
	struct net_tables *state = data;

	ts_netns_tick(live->netns, live->proc, monotonic_ns);
	if (monotonic_ns >= state->next_ns)
		visit_all(live, state);
}

/* ---- open, snapshot, close */

static void net_tables_close(void *data)
{
	struct net_tables *state = data;

	free(state->space);
	free(state);
}

static int net_tables_open(struct ts_live *live, void **data, enum ts_status *status, char why[256])
{
	struct net_tables *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	if (state)
		state->space = calloc(TS_NETNS_MAX, sizeof *state->space);
	if (state && state->space)
		error = ts_live_path(live, "/proc/thread-self/net", state->root,
				     sizeof state->root);
	if (!error)
		error = ts_live_path(live, "/proc/sys/net/netfilter/nf_conntrack_count",
				     state->count_path, sizeof state->count_path);
	if (error) {
		*status = TS_STATUS_FAILED;
		ts_proc_why(why, "/proc/net/stat", error);
		if (state)
			net_tables_close(state);
		return error;
	}
	visit_all(live, state);
	*data = state;
	return 0;
}

static void add_neighbours(struct ts_snapshot *snapshot, struct net_tables *state)
{
	for (int i = 0; i < TABLES; i++) {
		struct table *table = &state->table[i];

		if (!table->seen)
			continue;
		for (int k = 0; k < NEIGHBOUR_EVENTS; k++)
			ts_snapshot_counter(
				snapshot, TS_FAMILY_NEIGHBOUR_EVENTS,
				TS_LABELS(neighbour_tables[i].name, neighbour_columns[k].event),
				table->event[k]);
		ts_snapshot_gauge(snapshot, TS_FAMILY_NEIGHBOUR_ENTRIES,
				  TS_LABELS(neighbour_tables[i].name), (double)table->peak);
		table->peak = table->entries;
	}
}

static void add_states(struct ts_snapshot *snapshot, const char *label, const struct space *space)
{
	for (int i = 0; i < TABLES; i++)
		for (int k = 0; space->neighbours_known[i] && k < TS_NEIGHBOUR_STATES; k++)
			if (space->neighbour[i][k])
				ts_snapshot_gauge(snapshot, TS_FAMILY_NEIGHBOUR_STATES,
						  TS_LABELS(label, neighbour_tables[i].name,
							    ts_neighbour_state_names[k]),
						  (double)space->neighbour[i][k]);
	for (int k = 0; space->flows_known && k < TS_FLOW_STATES; k++)
		if (space->flow[k])
			ts_snapshot_gauge(snapshot, TS_FAMILY_CONNTRACK_STATES,
					  TS_LABELS(label, ts_flow_state_names[k]),
					  (double)space->flow[k]);
}

static void add_namespace(struct ts_snapshot *snapshot, const char *label, struct space *space)
{
	add_states(snapshot, label, space);
	space->flows_known = false;
	memset(space->neighbours_known, 0, sizeof space->neighbours_known);
	/* A table that was never used is no series. */
	if (!space->tracks || !(space->peak || space->event[DROP] || space->event[EARLY_DROP]))
		return;
	for (int k = 0; k < CONNTRACK_EVENTS; k++)
		ts_snapshot_counter(snapshot, TS_FAMILY_CONNTRACK_EVENTS,
				    TS_LABELS(label, conntrack_columns[k].event), space->event[k]);
	ts_snapshot_gauge(snapshot, TS_FAMILY_CONNTRACK_ENTRIES, TS_LABELS(label),
			  (double)space->peak);
	space->peak = space->entries;
}

static void say_errors(struct ts_snapshot *snapshot, const struct net_tables *state)
{
	char why[256];

	if (state->neighbour_error[0]) {
		ts_proc_why(why, "/proc/net/stat/arp_cache", state->neighbour_error[0]);
		ts_snapshot_family_status(snapshot, TS_FAMILY_NEIGHBOUR_EVENTS, TS_STATUS_FAILED,
					  why);
		ts_snapshot_family_status(snapshot, TS_FAMILY_NEIGHBOUR_ENTRIES, TS_STATUS_FAILED,
					  why);
	}
	if (state->conntrack_error) {
		ts_proc_why(why, "/proc/net/stat/nf_conntrack", state->conntrack_error);
		ts_snapshot_family_status(snapshot, TS_FAMILY_CONNTRACK_EVENTS, TS_STATUS_FAILED,
					  why);
		ts_snapshot_family_status(snapshot, TS_FAMILY_CONNTRACK_ENTRIES, TS_STATUS_FAILED,
					  why);
	}
	if (!state->states_error)
		return;
	snprintf(why, sizeof why, "the kernel does not list the entries of a full table: %s",
		 strerror(-state->states_error));
	ts_snapshot_family_status(snapshot, TS_FAMILY_NEIGHBOUR_STATES, TS_STATUS_FAILED, why);
	ts_snapshot_family_status(snapshot, TS_FAMILY_CONNTRACK_STATES, TS_STATUS_FAILED, why);
}

static void net_tables_snapshot(struct ts_live *live, void *data, struct ts_snapshot *snapshot)
{
	struct net_tables *state = data;
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC);

	if (ts_pace_eager(live, now, TS_PACE_EAGER_NS) || now >= state->next_ns)
		visit_all(live, state);
	ts_snapshot_source_status(snapshot, TS_SOURCE_NET_TABLES, TS_STATUS_OK, "");
	add_neighbours(snapshot, state);
	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];

		if (entry->alive && entry->detailed && state->space[i].serial == entry->serial)
			add_namespace(snapshot, entry->label, &state->space[i]);
	}
	say_errors(snapshot, state);
}

const struct ts_source ts_source_net_tables = {
	.id = TS_SOURCE_NET_TABLES,
	.open = net_tables_open,
	.tick = net_tables_tick,
	.snapshot = net_tables_snapshot,
	.close = net_tables_close,
};
