// SPDX-License-Identifier: GPL-2.0-only
#include "listen_drops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETSTAT_BYTES 16384

/* The column of name in a line of names, the first being 0; -1 when it is not there. */
static int column_of(char *names, const char *name)
{
	char *rest = NULL;
	int column = 0;

	for (char *word = strtok_r(names, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		if (!strcmp(word, name))
			return column;
		else
			column++;
	return -1;
}

static bool read_listen_drops(__u64 *value)
{
	FILE *file = fopen("/proc/thread-self/net/netstat", "re");
	char names[NETSTAT_BYTES], values[NETSTAT_BYTES];
	char *rest = NULL, *word;
	int column = -1;

	if (!file)
		return false;
	/* Pairs of lines: names, values. */
	while (column < 0 && fgets(names, sizeof names, file) && fgets(values, sizeof values, file))
		column = column_of(names, "ListenDrops");
	fclose(file);
	if (column < 0)
		return false;
	word = strtok_r(values, " \n", &rest);
	while (word && column--)
		word = strtok_r(NULL, " \n", &rest);
	if (!word)
		return false;
	*value = strtoull(word, NULL, 10);
	return true;
}

void ts_listen_drops_baseline(struct ts_listen_drops *drops, size_t slot, __u64 serial)
{
	__u64 now = 0;

	read_listen_drops(&now);
	drops->row[slot].serial = serial;
	drops->row[slot].accounted = now;
}

__u64 ts_listen_drops_claim(struct ts_listen_drops *drops, size_t slot, __u64 serial, __u64 seen)
{
	__u64 now, open;

	/* A namespace that appeared later has had all its drops since. */
	if (drops->row[slot].serial != serial) {
		drops->row[slot].serial = serial;
		drops->row[slot].accounted = 0;
	}
	if (!read_listen_drops(&now))
		return seen;
	if (now < drops->row[slot].accounted)
		drops->row[slot].accounted = 0;
	open = now - drops->row[slot].accounted;
	if (seen > open)
		seen = open;
	/* What was dropped after the sockets were read will show on them next time. */
	drops->row[slot].accounted += seen;
	return seen;
}
