// SPDX-License-Identifier: GPL-2.0-only
#include "socket_writers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pace.h"
#include "procfile.h"
#include "socket_owner.h"

#define WRITERS	     8
#define LEAST_WRITES 10 /* fewer have no mean worth the name */
#define UNASKED_MOST 2	/* a slow one is not met in every look */

struct writer {
	__u64 identity; /* 0: free */
	__u32 inode;
	int pid; /* 0: not looked for yet; -1: not found */
	struct account {
		unsigned long long written, calls;
	} account;     /* of the process until the last round */
	__u32 unasked; /* rounds and looks since it was asked for */
};

struct ts_socket_writers {
	struct writer writer[WRITERS];
	__u64 next_ns; /* when their processes may be looked for again */
};

struct ts_socket_writers *ts_socket_writers_new(void)
{
	return calloc(1, sizeof(struct ts_socket_writers));
}

void ts_socket_writers_free(struct ts_socket_writers *writers)
{
	free(writers);
}

/* What the process has written so far. False: not readable. */
static bool read_account(const char *proc, int pid, struct account *account)
{
	char path[TS_PROC_PATH_MAX], line[128];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/%d/io", proc, pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		found += sscanf(line, "wchar: %llu", &account->written) == 1;
		found += sscanf(line, "syscw: %llu", &account->calls) == 1;
	}
	fclose(file);
	return found == 2;
}

static struct writer *find(struct ts_socket_writers *writers, __u64 identity)
{
	for (size_t i = 0; i < WRITERS; i++)
		if (writers->writer[i].identity == identity)
			return &writers->writer[i];
	return NULL;
}

static double mean_write(const struct account *then, const struct account *now)
{
	if (now->calls < then->calls + LEAST_WRITES || now->written <= then->written)
		return 0;
	return (double)(now->written - then->written) / (double)(now->calls - then->calls);
}

double ts_socket_write_size(struct ts_socket_writers *writers, const char *proc, __u64 identity,
			    __u32 inode)
{
	struct writer *writer = find(writers, identity);
	struct account now = {0}, then;

	if (!writer) {
		writer = inode ? find(writers, 0) : NULL;
		if (writer)
			*writer = (struct writer){.identity = identity, .inode = inode};
		return 0;
	}
	writer->unasked = 0;
	if (writer->pid <= 0 || !read_account(proc, writer->pid, &now))
		return 0;
	then = writer->account;
	writer->account = now;
	return mean_write(&then, &now);
}

static void find_processes(struct ts_socket_writers *writers, const char *proc)
{
	struct ts_socket_owner owner[WRITERS] = {0};
	bool wanted = false;

	for (size_t i = 0; i < WRITERS; i++) {
		const struct writer *writer = &writers->writer[i];

		if (writer->identity && !writer->pid) {
			owner[i].inode = writer->inode;
			wanted = true;
		}
	}
	if (!wanted)
		return;
	ts_socket_owners(proc, owner, WRITERS);
	for (size_t i = 0; i < WRITERS; i++) {
		struct writer *writer = &writers->writer[i];

		if (!owner[i].inode)
			continue;
		writer->pid = -1;
		if (owner[i].pid > 0 && read_account(proc, owner[i].pid, &writer->account))
			writer->pid = owner[i].pid;
	}
}

void ts_socket_writers_end(struct ts_socket_writers *writers, const struct ts_live *live)
{
	__u64 now = ts_clock_ns(CLOCK_MONOTONIC), before;

	for (size_t i = 0; i < WRITERS; i++) {
		struct writer *writer = &writers->writer[i];

		if (writer->identity && writer->unasked++ >= UNASKED_MOST)
			memset(writer, 0, sizeof *writer);
	}
	if (now < writers->next_ns)
		return;
	before = ts_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	find_processes(writers, live->proc);
	writers->next_ns = now + ts_pace_rest(TS_PACE_SOCKET_WRITERS,
					      ts_pace_eager(live, now, TS_PACE_EAGER_MAX_NS),
					      ts_clock_ns(CLOCK_THREAD_CPUTIME_ID) - before);
}
