// SPDX-License-Identifier: GPL-2.0-only
#include "socket_writers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfile.h"
#include "socket_owner.h"

#define WRITERS	     8
#define LEAST_WRITES 10 /* fewer have no mean worth the name */

struct writer {
	__u64 identity; /* 0: free */
	__u32 inode;
	int pid;	    /* 0: not looked for yet; -1: not found */
	__u64 bytes, calls; /* written by the process until the last round */
	bool asked;	    /* in this round */
};

struct ts_socket_writers {
	struct writer writer[WRITERS];
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
static bool read_account(const char *proc, int pid, unsigned long long *bytes,
			 unsigned long long *calls)
{
	char path[TS_PROC_PATH_MAX], line[128];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/%d/io", proc, pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		found += sscanf(line, "wchar: %llu", bytes) == 1;
		found += sscanf(line, "syscw: %llu", calls) == 1;
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

double ts_socket_write_size(struct ts_socket_writers *writers, const char *proc, __u64 identity,
			    __u32 inode)
{
	struct writer *writer = find(writers, identity);
	unsigned long long bytes, calls;
	double size = 0;

	if (!writer) {
		writer = inode ? find(writers, 0) : NULL;
		if (writer)
			*writer = (struct writer){identity, inode, 0, 0, 0, true};
		return 0;
	}
	writer->asked = true;
	if (writer->pid <= 0 || !read_account(proc, writer->pid, &bytes, &calls))
		return 0;
	if (calls >= writer->calls + LEAST_WRITES && bytes > writer->bytes)
		size = (double)(bytes - writer->bytes) / (double)(calls - writer->calls);
	writer->bytes = bytes;
	writer->calls = calls;
	return size;
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
		unsigned long long bytes, calls;

		if (!owner[i].inode)
			continue;
		writer->pid = -1;
		if (owner[i].pid > 0 && read_account(proc, owner[i].pid, &bytes, &calls)) {
			writer->pid = owner[i].pid;
			writer->bytes = bytes;
			writer->calls = calls;
		}
	}
}

void ts_socket_writers_end(struct ts_socket_writers *writers, const char *proc)
{
	for (size_t i = 0; i < WRITERS; i++) {
		struct writer *writer = &writers->writer[i];

		if (!writer->asked)
			memset(writer, 0, sizeof *writer);
		writer->asked = false;
	}
	find_processes(writers, proc);
}
