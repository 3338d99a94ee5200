/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc/net tells of the namespace it is read in: counters, and sockets in use. */
#ifndef TUNESCOPE_NET_FILES_H
#define TUNESCOPE_NET_FILES_H

#include "procfile.h"

#define TS_NET_COUNTERS_MAX 160
#define TS_NET_FILES	    5

/*
 * What is counted in a namespace of its own; orphaned and allocated sockets and memory are
 * counted for the whole host, and only shown for the namespace tunescope was started in. Rows of
 * one kind (IPv4 and IPv6) stand together.
 */
struct ts_socket_kind {
	const char *kind;
	const char *protocol, *key;
	bool host_wide;
	bool memory;	/* pages, shown as bytes in a family of their own; bytes of fragments */
	bool fragments; /* of datagrams that wait for the rest of them: how many, or the bytes held
			 */
};
#define TS_SOCKET_KINDS 10
extern const struct ts_socket_kind ts_socket_kinds[TS_SOCKET_KINDS];

struct ts_net_reading {
	struct {
		const char *name;
		__u64 value;
	} counter[TS_NET_COUNTERS_MAX];
	size_t counters;
	__u64 sockets[TS_SOCKET_KINDS];
	bool sockets_seen[TS_SOCKET_KINDS];
};

/*
 * A line of names of a group of counters, as it stood there last, and which of its columns are
 * counted: it is the same each time, and looking all the names up is most of the cost.
 */
struct ts_net_columns {
	char *line;
	size_t length;	   /* of the line */
	const char **name; /* of each column; NULL: not counted */
	size_t columns;
};
#define TS_NET_GROUPS 16

struct ts_net_files {
	struct ts_name_set counters;
	struct ts_net_columns group[TS_NET_GROUPS]; /* in the order they are read */
	size_t next;				    /* group of this reading */
	char root[TS_PROC_PATH_MAX];	       /* of the thread that has entered the namespace */
	struct ts_procfile home[TS_NET_FILES]; /* of the initial namespace; those stay open */
	struct ts_net_reading reading;	       /* the last one */
};

int ts_net_files_open(struct ts_net_files *files, const struct ts_live *live);
void ts_net_files_close(struct ts_net_files *files);

/* Inside the namespace. 0, or a negative errno with the reason. */
int ts_net_files_read(struct ts_net_files *files, bool initial, char why[256]);
/* The same of sockstat and sockstat6 alone. */
int ts_net_files_read_sockets(struct ts_net_files *files, bool initial, char why[256]);

#endif
