// SPDX-License-Identifier: GPL-2.0-only
#include "blame.h"

#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "probe.h"
#include <tunescope/blame.h>

#define SUFFERERS 8

struct row {
	struct ts_blame_key key;
	struct ts_blame blame;
	__u64 since_ns; /* since the last snapshot */
};

struct ts_blame_rows {
	struct row row[TS_BLAME_ENTRIES];
	size_t count;
};

bool ts_blame_open(struct ts_blame_table *table)
{
	table->now = calloc(1, sizeof *table->now);
	table->before = calloc(1, sizeof *table->before);
	return table->now && table->before;
}

void ts_blame_close(struct ts_blame_table *table)
{
	free(table->now);
	free(table->before);
	*table = (struct ts_blame_table){0};
}

static __u64 ns_before(const struct ts_blame_rows *rows, const struct row *row)
{
	for (size_t i = 0; i < rows->count; i++)
		if (!memcmp(&rows->row[i].key, &row->key, sizeof row->key))
			return rows->row[i].blame.ns;
	return 0;
}

static int by_loss(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	return (left->since_ns < right->since_ns) - (left->since_ns > right->since_ns);
}

static void read_rows(struct ts_blame_table *table, int map)
{
	struct ts_blame_rows *rows = table->before;
	struct ts_blame_key *last = NULL;

	table->before = table->now;
	table->now = rows;
	rows->count = 0;
	while (rows->count < TS_BLAME_ENTRIES) {
		struct row *row = &rows->row[rows->count];
		__u64 before;

		if (bpf_map_get_next_key(map, last, &row->key))
			break;
		last = &row->key;
		if (bpf_map_lookup_elem(map, &row->key, &row->blame))
			memset(&row->blame, 0, sizeof row->blame);
		before = ns_before(table->before, row);
		/* Less than before: it had been forgotten in between. */
		row->since_ns = row->blame.ns - (before <= row->blame.ns ? before : 0);
		rows->count++;
	}
	qsort(rows->row, rows->count, sizeof rows->row[0], by_loss);
}

void ts_blame_sufferers(struct ts_blame_table *table, const struct ts_map *map,
			enum ts_family_id family, const char *(*label)(const void *of, __u32 where),
			const void *of, struct ts_snapshot *snapshot)
{
	read_rows(table, map->fd);
	for (size_t i = 0; i < table->now->count && i < SUFFERERS; i++) {
		struct row *row = &table->now->row[i];
		struct ts_blame *blame = &row->blame;
		const char *place = label(of, row->key.where);

		if (!row->since_ns || !place)
			continue;
		blame->comm[sizeof blame->comm - 1] = '\0';
		blame->cgroup[sizeof blame->cgroup - 1] = '\0';
		ts_snapshot_sufferer(snapshot, &(struct ts_sufferer){
						       .family = family,
						       .label = {place, "", "", ""},
						       .pid = (int)row->key.pid,
						       .comm = blame->comm,
						       .cgroup = blame->cgroup,
						       .value = (double)row->since_ns / 1e9,
					       });
	}
}
