// SPDX-License-Identifier: GPL-2.0-only
#include "net_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Named as nstat names them, without the prefix TcpExt. What the files show besides counters (Tcp's
 * CurrEstab, RtoMin, …) is left out: the family is one of counters.
 */
static const char *const counter_names[] = {
	/* snmp */
	"IpInReceives",
	"IpInHdrErrors",
	"IpInDiscards",
	"IpInDelivers",
	"IpOutRequests",
	"IpOutDiscards",
	"IpOutNoRoutes",
	"IpReasmTimeout",
	"IpReasmReqds",
	"IpReasmOKs",
	"IpReasmFails",
	"IpFragOKs",
	"IpFragFails",
	"IpFragCreates",
	"IcmpInErrors",
	"IcmpInDestUnreachs",
	"IcmpOutDestUnreachs",
	"IcmpOutRateLimitGlobal",
	"IcmpOutRateLimitHost",
	"TcpActiveOpens",
	"TcpPassiveOpens",
	"TcpAttemptFails",
	"TcpEstabResets",
	"TcpInSegs",
	"TcpOutSegs",
	"TcpRetransSegs",
	"TcpInErrs",
	"TcpOutRsts",
	"TcpInCsumErrors",
	"UdpInDatagrams",
	"UdpNoPorts",
	"UdpInErrors",
	"UdpOutDatagrams",
	"UdpRcvbufErrors",
	"UdpSndbufErrors",
	"UdpInCsumErrors",
	"UdpMemErrors",
	/* snmp6 */
	"Ip6ReasmTimeout",
	"Ip6ReasmReqds",
	"Ip6ReasmOKs",
	"Ip6ReasmFails",
	"Udp6InDatagrams",
	"Udp6RcvbufErrors",
	"Udp6MemErrors",
	/* netstat, IpExt */
	"IpExtInNoRoutes",
	"IpExtInOctets",
	"IpExtOutOctets",
	"IpExtInCEPkts",
	"IpExtReasmOverlaps",
	/* netstat, TcpExt: listening and handshakes */
	"ListenOverflows",
	"ListenDrops",
	"SyncookiesSent",
	"SyncookiesRecv",
	"SyncookiesFailed",
	"EmbryonicRsts",
	"TCPReqQFullDrop",
	"TCPReqQFullDoCookies",
	"TCPDeferAcceptDrop",
	"TCPFastOpenListenOverflow",
	"TCPMigrateReqSuccess",
	"TCPMigrateReqFailure",
	"TCPSYNChallenge",
	"TCPChallengeACK",
	"TCPSynRetrans",
	/* loss and recovery */
	"TCPTimeouts",
	"TCPSpuriousRTOs",
	"TCPLossProbes",
	"TCPLossProbeRecovery",
	"TCPFastRetrans",
	"TCPSlowStartRetrans",
	"TCPLostRetransmit",
	"TCPRetransFail",
	"TCPRenoRecovery",
	"TCPSackRecovery",
	"TCPRenoFailures",
	"TCPSackFailures",
	"TCPLossFailures",
	"TCPRenoRecoveryFail",
	"TCPSackRecoveryFail",
	"TCPSACKReneging",
	"TCPSACKReorder",
	"TCPRenoReorder",
	"TCPTSReorder",
	"TCPFullUndo",
	"TCPPartialUndo",
	"TCPDSACKUndo",
	"TCPLossUndo",
	"TCPDSACKOldSent",
	"TCPDSACKRecv",
	"TCPDSACKOfoRecv",
	"TCPMTUPFail",
	"TCPMTUPSuccess",
	"TCPOrigDataSent",
	"TCPDelivered",
	"TCPDeliveredCE",
	"TCPSpuriousRtxHostQueues",
	"TcpTimeoutRehash",
	"TcpDuplicateDataRehash",
	/* receiving */
	"PruneCalled",
	"RcvPruned",
	"OfoPruned",
	"TCPRcvCollapsed",
	"TCPRcvQDrop",
	"TCPRcvCoalesce",
	"TCPOFOQueue",
	"TCPOFODrop",
	"TCPOFOMerge",
	"TCPBacklogDrop",
	"TCPBacklogCoalesce",
	"TCPZeroWindowDrop",
	"TCPWantZeroWindowAdv",
	"TCPToZeroWindowAdv",
	"TCPFromZeroWindowAdv",
	"TCPWinProbe",
	"BeyondWindow",
	"DelayedACKs",
	"DelayedACKLocked",
	"DelayedACKLost",
	"TCPAckCompressed",
	/* sending */
	"TCPAutoCorking",
	"TCPWqueueTooBig",
	"TCPKeepAlive",
	/* memory */
	"TCPMemoryPressures",
	"TCPMemoryPressuresChrono",
	"PFMemallocDrop",
	/* ends of connections */
	"TCPAbortOnData",
	"TCPAbortOnClose",
	"TCPAbortOnMemory",
	"TCPAbortOnTimeout",
	"TCPAbortOnLinger",
	"TCPAbortFailed",
	"TW",
	"TWRecycled",
	"TWKilled",
	"TCPTimeWaitOverflow",
	"PAWSActive",
	"PAWSEstab",
	"PAWSOldAck",
	"PAWSTimewait",
	"TSEcrRejected",
	"IPReversePathFilter",
};

#define COUNTERS (sizeof counter_names / sizeof counter_names[0])
_Static_assert(COUNTERS <= TS_NET_COUNTERS_MAX, "room in a reading");

const struct ts_socket_kind ts_socket_kinds[TS_SOCKET_KINDS] = {
	{"in-use", "TCP:", "inuse", .memory = false},
	{"in-use", "TCP6:", "inuse", .memory = false},
	{"time-wait", "TCP:", "tw", .memory = false},
	{"orphan", "TCP:", "orphan", .host_wide = true},
	{"allocated", "TCP:", "alloc", .host_wide = true},
	{"held", "TCP:", "mem", .host_wide = true, .memory = true},
	{"ip", "FRAG:", "memory", .fragments = true, .memory = true},
	{"ip", "FRAG:", "inuse", .fragments = true},
	{"ip6", "FRAG6:", "memory", .fragments = true, .memory = true},
	{"ip6", "FRAG6:", "inuse", .fragments = true},
};

/* "TcpExt:" and a column's name -> the name nstat gives it, without TcpExt. */
static const char *find_counter(const struct ts_net_files *files, const char *group,
				const char *column)
{
	size_t prefix = strcmp(group, "TcpExt:") ? strlen(group) - 1 : 0;
	size_t length = strlen(column);
	char name[64];

	if (prefix + length >= sizeof name)
		return NULL;
	/* Some 200 of them for each namespace: printf would be a third of the whole cost. */
	memcpy(name, group, prefix);
	memcpy(name + prefix, column, length + 1);
	return ts_name_set_find(&files->counters, name);
}

static void forget_columns(struct ts_net_columns *known)
{
	free(known->line);
	free(known->name);
	*known = (struct ts_net_columns){0};
}

/* Cuts names up. False: out of memory. */
static bool learn_columns(const struct ts_net_files *files, struct ts_net_columns *known,
			  char *names)
{
	const char *group, *column;

	forget_columns(known);
	known->length = strlen(names);
	known->line = strdup(names);
	known->name = calloc(known->length / 2 + 1, sizeof *known->name); /* a blank and a name */
	if (!known->line || !known->name) {
		forget_columns(known);
		return false;
	}
	group = ts_take_word(&names);
	while (group && (column = ts_take_word(&names)))
		known->name[known->columns++] = find_counter(files, group, column);
	return true;
}

/* The columns of a line of names; NULL: out of memory. */
static const struct ts_net_columns *columns_of(struct ts_net_files *files, char *names)
{
	struct ts_net_columns *known = &files->group[files->next++ % TS_NET_GROUPS];

	if (known->line && !strcmp(known->line, names))
		return known;
	return learn_columns(files, known, names) ? known : NULL;
}

/* A line of names and the line of values below it; both begin with the group. */
static int parse_group(struct ts_net_files *files, char *names, char *values,
		       struct ts_net_reading *reading)
{
	size_t group = strcspn(names, " ");
	const struct ts_net_columns *columns;

	if (!group || names[group - 1] != ':' || strncmp(names, values, group + 1))
		return -EPROTO;
	columns = columns_of(files, names);
	if (!columns)
		return -ENOMEM;
	values += group;
	for (size_t i = 0; i < columns->columns; i++) {
		const char *text;

		if (columns->name[i]) {
			if (reading->counters == COUNTERS ||
			    !ts_take_number(&values, &reading->counter[reading->counters].value))
				return -EPROTO;
			reading->counter[reading->counters++].name = columns->name[i];
			continue;
		}
		text = ts_take_word(&values);
		if (!text)
			return -EPROTO;
	}
	return ts_take_word(&values) ? -EPROTO : 0;
}

static int parse_counters(struct ts_net_files *files, char *text, struct ts_net_reading *reading)
{
	size_t before = reading->counters;
	char *names;

	while ((names = ts_take_line(&text))) {
		char *values = ts_take_line(&text);
		int error = values ? parse_group(files, names, values, reading) : -EPROTO;

		if (error)
			return error;
	}
	return reading->counters > before ? 0 : -EPROTO;
}

/* A name and its value in each line. */
static int parse_pairs(struct ts_net_files *files, char *text, struct ts_net_reading *reading)
{
	char *line;

	while ((line = ts_take_line(&text))) {
		const char *name = ts_take_word(&line);

		name = name ? ts_name_set_find(&files->counters, name) : NULL;
		if (!name)
			continue;
		if (reading->counters == COUNTERS ||
		    !ts_take_number(&line, &reading->counter[reading->counters].value))
			return -EPROTO;
		reading->counter[reading->counters++].name = name;
	}
	return 0;
}

/* "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 138" */
static int parse_sockets(struct ts_net_files *files, char *text, struct ts_net_reading *reading)
{
	char *line;

	while ((line = ts_take_line(&text))) {
		const char *protocol = ts_take_word(&line), *key;

		while (protocol && (key = ts_take_word(&line))) {
			__u64 value;

			if (!ts_take_number(&line, &value))
				return -EPROTO;
			for (size_t i = 0; i < TS_SOCKET_KINDS; i++)
				if (!strcmp(protocol, ts_socket_kinds[i].protocol) &&
				    !strcmp(key, ts_socket_kinds[i].key)) {
					reading->sockets[i] = value;
					reading->sockets_seen[i] = true;
				}
		}
	}
	return 0;
}

struct net_file {
	const char *name;
	int (*parse)(struct ts_net_files *files, char *text, struct ts_net_reading *reading);
	bool optional; /* absent where IPv6 is */
};

#define FIRST_OF_SOCKETS 3
static const struct net_file net_files[TS_NET_FILES] = {
	{"snmp", parse_counters, false},    {"netstat", parse_counters, false},
	{"snmp6", parse_pairs, true},	    {"sockstat", parse_sockets, false},
	{"sockstat6", parse_sockets, true},
};

static int read_file(struct ts_net_files *files, const struct net_file *kind,
		     struct ts_procfile *file, char why[256])
{
	int error = file->path[0] ? 0 : ts_procfile_open(file, files->root, kind->name);

	if (error == -ENOENT && kind->optional) {
		ts_procfile_close(file);
		file->path[0] = '\0';
		return 0;
	}
	if (!error)
		error = ts_procfile_read(file);
	if (!error)
		error = kind->parse(files, file->text, &files->reading);
	if (error) {
		ts_proc_why(why, file->path, error);
		ts_procfile_close(file);
		file->path[0] = '\0';
	}
	return error;
}

static int read_files(struct ts_net_files *files, size_t first, bool initial, char why[256])
{
	int error = 0;

	memset(&files->reading, 0, sizeof files->reading);
	files->next = 0;
	for (size_t i = first; !error && i < TS_NET_FILES; i++) {
		/* Not kept open: an open file would keep the namespace alive after its processes.
		 */
		struct ts_procfile once = {.descriptor = -1};

		error = read_file(files, &net_files[i], initial ? &files->home[i] : &once, why);
		if (once.path[0])
			ts_procfile_close(&once);
	}
	/* The first four are in every kernel; without them sockstat was not what it should be. */
	if (!error && !(files->reading.sockets_seen[0] && files->reading.sockets_seen[2])) {
		error = -EPROTO;
		ts_proc_why(why, "/proc/net/sockstat", error);
	}
	return error;
}

int ts_net_files_read(struct ts_net_files *files, bool initial, char why[256])
{
	return read_files(files, 0, initial, why);
}

int ts_net_files_read_sockets(struct ts_net_files *files, bool initial, char why[256])
{
	return read_files(files, FIRST_OF_SOCKETS, initial, why);
}

int ts_net_files_open(struct ts_net_files *files, const struct ts_live *live)
{
	int error = ts_name_set_open(&files->counters, counter_names, COUNTERS);

	if (error)
		return error;
	return ts_live_path(live, "/proc/thread-self/net", files->root, sizeof files->root);
}

void ts_net_files_close(struct ts_net_files *files)
{
	for (size_t i = 0; i < TS_NET_FILES; i++)
		if (files->home[i].path[0])
			ts_procfile_close(&files->home[i]);
	for (size_t i = 0; i < TS_NET_GROUPS; i++)
		forget_columns(&files->group[i]);
	ts_name_set_close(&files->counters);
}
