// SPDX-License-Identifier: GPL-2.0-only
/* Counters of /proc/net/snmp and netstat, and sockets in use, of every network namespace. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "procfile.h"

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

/*
 * What is counted in a namespace of its own; orphaned and allocated sockets are counted for the
 * whole host, and only shown for the namespace tunescope was started in.
 */
static const struct socket_kind {
	const char *kind;
	const char *protocol, *key;
	bool host_wide;
} socket_kinds[] = {
	{"in-use", "TCP:", "inuse", false},   {"in-use", "TCP6:", "inuse", false},
	{"time-wait", "TCP:", "tw", false},   {"orphan", "TCP:", "orphan", true},
	{"allocated", "TCP:", "alloc", true},
};

#define SOCKET_KINDS (sizeof socket_kinds / sizeof socket_kinds[0])

struct proc_net {
	struct ts_name_set counters;
	char root[TS_PROC_PATH_MAX]; /* of the thread that has entered the namespace */
};

struct reading {
	struct {
		const char *name;
		__u64 value;
	} counter[COUNTERS];
	size_t counters;
	__u64 sockets[SOCKET_KINDS];
	bool sockets_seen[SOCKET_KINDS];
};

static void proc_net_close(void *opaque)
{
	struct proc_net *state = opaque;

	ts_name_set_close(&state->counters);
	free(state);
}

static int proc_net_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct proc_net *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*opaque = state;
	if (state)
		error = ts_name_set_open(&state->counters, counter_names, COUNTERS);
	if (!error)
		error = ts_live_path(live, "/proc/thread-self/net", state->root,
				     sizeof state->root);
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, "/proc/net", error);
	if (state)
		proc_net_close(state);
	return error;
}

/* "TcpExt:" and a column's name -> the name nstat gives it, without TcpExt. */
static const char *find_counter(const struct proc_net *state, const char *group, const char *column)
{
	size_t prefix = strcmp(group, "TcpExt:") ? strlen(group) - 1 : 0;
	size_t length = strlen(column);
	char name[64];

	if (prefix + length >= sizeof name)
		return NULL;
	/* Some 200 of them for each namespace: printf would be a third of the whole cost. */
	memcpy(name, group, prefix);
	memcpy(name + prefix, column, length + 1);
	return ts_name_set_find(&state->counters, name);
}

/* A line of names and the line of values below it; both begin with the group. */
static int parse_group(const struct proc_net *state, char *names, char *values,
		       struct reading *reading)
{
	const char *group = ts_take_word(&names), *again = ts_take_word(&values), *column;

	if (!group || !again || strcmp(group, again) || group[strlen(group) - 1] != ':')
		return -EPROTO;
	while ((column = ts_take_word(&names))) {
		const char *text = ts_take_word(&values);
		const char *name = find_counter(state, group, column);

		if (!text)
			return -EPROTO;
		if (!name)
			continue;
		if (reading->counters == COUNTERS ||
		    !ts_is_number(text, &reading->counter[reading->counters].value))
			return -EPROTO;
		reading->counter[reading->counters++].name = name;
	}
	return ts_take_word(&values) ? -EPROTO : 0;
}

static int parse_counters(const struct proc_net *state, char *text, struct reading *reading)
{
	size_t before = reading->counters;
	char *names;

	while ((names = ts_take_line(&text))) {
		char *values = ts_take_line(&text);
		int error = values ? parse_group(state, names, values, reading) : -EPROTO;

		if (error)
			return error;
	}
	return reading->counters > before ? 0 : -EPROTO;
}

/* "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 138" */
static int parse_sockets(const struct proc_net *state, char *text, struct reading *reading)
{
	char *line;

	while ((line = ts_take_line(&text))) {
		const char *protocol = ts_take_word(&line), *key;

		while (protocol && (key = ts_take_word(&line))) {
			__u64 value;

			if (!ts_take_number(&line, &value))
				return -EPROTO;
			for (size_t i = 0; i < SOCKET_KINDS; i++)
				if (!strcmp(protocol, socket_kinds[i].protocol) &&
				    !strcmp(key, socket_kinds[i].key)) {
					reading->sockets[i] = value;
					reading->sockets_seen[i] = true;
				}
		}
	}
	return 0;
}

static const struct net_file {
	const char *name;
	int (*parse)(const struct proc_net *state, char *text, struct reading *reading);
	bool optional; /* absent where IPv6 is */
} net_files[] = {
	{"snmp", parse_counters, false},
	{"netstat", parse_counters, false},
	{"sockstat", parse_sockets, false},
	{"sockstat6", parse_sockets, true},
};

static int read_file(const struct proc_net *state, const struct net_file *kind,
		     struct reading *reading, char why[256])
{
	struct ts_procfile file;
	/* Not kept open: an open file would keep the namespace alive after its last process. */
	int error = ts_procfile_open(&file, state->root, kind->name);

	if (error == -ENOENT && kind->optional) {
		ts_procfile_close(&file);
		return 0;
	}
	if (!error)
		error = ts_procfile_read(&file);
	if (!error)
		error = kind->parse(state, file.text, reading);
	if (error)
		ts_proc_why(why, file.path, error);
	ts_procfile_close(&file);
	return error;
}

static int read_namespace(struct ts_live *live, const struct proc_net *state,
			  const struct ts_netns_entry *entry, struct reading *reading,
			  char why[256])
{
	int error = ts_netns_enter(live->netns, entry);

	if (error) {
		snprintf(why, 256, "cannot enter the namespace: %s", strerror(-error));
		return error;
	}
	for (size_t i = 0; !error && i < sizeof net_files / sizeof net_files[0]; i++)
		error = read_file(state, &net_files[i], reading, why);
	ts_netns_leave(live->netns);
	/* The first four are in every kernel; without them sockstat was not what it should be. */
	if (!error && !(reading->sockets_seen[0] && reading->sockets_seen[2])) {
		error = -EPROTO;
		ts_proc_why(why, "/proc/net/sockstat", error);
	}
	return error;
}

static void add_series(struct ts_snapshot *snapshot, const struct ts_netns_entry *entry,
		       const struct reading *reading)
{
	for (size_t i = 0; i < reading->counters; i++)
		ts_snapshot_counter(snapshot, TS_FAMILY_NETWORK_COUNTERS,
				    TS_LABELS(entry->label, reading->counter[i].name),
				    reading->counter[i].value);
	for (size_t i = 0; i < SOCKET_KINDS; i++) {
		double value = 0;

		if (!reading->sockets_seen[i] || (socket_kinds[i].host_wide && !entry->initial))
			continue;
		/* Rows of one kind stand together and are one series: IPv4 and IPv6. */
		if (i && !strcmp(socket_kinds[i].kind, socket_kinds[i - 1].kind))
			continue;
		for (size_t j = i; j < SOCKET_KINDS; j++)
			if (!strcmp(socket_kinds[i].kind, socket_kinds[j].kind))
				value += (double)reading->sockets[j];
		ts_snapshot_gauge(snapshot, TS_FAMILY_SOCKETS_IN_USE,
				  TS_LABELS(entry->label, socket_kinds[i].kind), value);
	}
}

/* One that is gone since the last refresh is no failure. */
static bool vanished(int error)
{
	return error == -ENOENT || error == -ESRCH || error == -ESTALE;
}

static void proc_net_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct proc_net *state = opaque;
	size_t visited = 0, failed = 0;
	char first_why[512] = "";

	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];
		struct reading reading = {0};
		char why[256] = "";
		int error;

		if (!entry->alive)
			continue;
		error = read_namespace(live, state, entry, &reading, why);
		if (!error) {
			add_series(snapshot, entry, &reading);
			visited++;
		} else if (entry->initial || !vanished(error)) {
			if (!failed++)
				snprintf(first_why, sizeof first_why, "network namespace %s: %s",
					 entry->label, why);
		}
	}
	if (!visited && !failed)
		snprintf(first_why, sizeof first_why, "no network namespace was found");
	else if (!failed && live->netns->unvisited)
		snprintf(first_why, sizeof first_why,
			 "only the first %d network namespaces were visited; there are more",
			 TS_NETNS_MAX);
	/* A part that failed is said, and the rest is still good. */
	ts_snapshot_source_status(snapshot, TS_SOURCE_PROC_NET,
				  visited ? TS_STATUS_OK : TS_STATUS_FAILED, first_why);
}

const struct ts_source ts_source_proc_net = {
	.id = TS_SOURCE_PROC_NET,
	.open = proc_net_open,
	.snapshot = proc_net_snapshot,
	.close = proc_net_close,
};
