// SPDX-License-Identifier: GPL-2.0-only
#include "udp_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_NS 500000000ULL
#define LOW_NS	  2000000000ULL /* sockets are visited for so long after memory was low */
#define LOW_SHARE 4		/* from this part of what they may hold */

/* One that fails to open is opened again with the next sample. */
void ts_udp_memory_open(struct ts_udp_memory *memory, const struct ts_live *live)
{
	memory->error = ts_procfile_open(&memory->sockets, live->proc, "net/sockstat");
	if (!memory->error)
		memory->error =
			ts_procfile_open(&memory->limit, live->proc, "sys/net/ipv4/udp_mem");
}

void ts_udp_memory_close(struct ts_udp_memory *memory)
{
	ts_procfile_close(&memory->sockets);
	ts_procfile_close(&memory->limit);
}

/* "UDP: inuse 5 mem 12": the pages are those of the host in every namespace. */
static int read_held(struct ts_udp_memory *memory)
{
	const char *at;
	unsigned long long pages;
	int error = ts_procfile_read(&memory->sockets);

	if (error)
		return error;
	at = strstr(memory->sockets.text, "\nUDP: ");
	if (!at || sscanf(at, " UDP: inuse %*u mem %llu", &pages) != 1)
		return -EPROTO;
	memory->held = pages;
	return 0;
}

static int read_allowed(struct ts_udp_memory *memory)
{
	int error = ts_procfile_read(&memory->limit);
	char *at = memory->limit.text;

	if (error)
		return error;
	return ts_take_number(&at, &memory->allowed) ? 0 : -EPROTO;
}

bool ts_udp_memory_is_low(const struct ts_udp_memory *memory, __u64 now_ns)
{
	return memory->low_ns && now_ns - memory->low_ns < LOW_NS;
}

void ts_udp_memory_sample(struct ts_udp_memory *memory, __u64 now_ns)
{
	if (!memory->sockets.path[0] || !memory->limit.path[0])
		return;
	if (now_ns - memory->sampled_ns < SAMPLE_NS && !ts_udp_memory_is_low(memory, now_ns))
		return;
	memory->sampled_ns = now_ns;
	memory->error = read_held(memory);
	if (memory->error || !memory->held)
		return;
	memory->error = read_allowed(memory);
	if (memory->error || memory->held * LOW_SHARE < memory->allowed)
		return;
	memory->low_ns = now_ns;
	if (memory->held > memory->peak)
		memory->peak = memory->held;
}

void ts_udp_memory_note(struct ts_udp_memory *memory, __u64 waiting)
{
	if (waiting * 2 >= memory->allowed * (__u64)sysconf(_SC_PAGESIZE))
		memory->unread++;
	else
		memory->drained++;
}

void ts_udp_memory_snapshot(struct ts_udp_memory *memory, struct ts_snapshot *snapshot)
{
	double page = (double)sysconf(_SC_PAGESIZE);

	if (memory->error) {
		char why[256];

		ts_proc_why(why, "/proc/net/sockstat or /proc/sys/net/ipv4/udp_mem", memory->error);
		ts_snapshot_family_status(snapshot, TS_FAMILY_UDP_MEMORY, TS_STATUS_FAILED, why);
		return;
	}
	if (memory->unread + memory->drained) {
		ts_snapshot_counter(snapshot, TS_FAMILY_UDP_MEMORY_SAMPLES, TS_LABELS("unread"),
				    memory->unread);
		ts_snapshot_counter(snapshot, TS_FAMILY_UDP_MEMORY_SAMPLES, TS_LABELS("drained"),
				    memory->drained);
	}
	if (!memory->peak)
		return;
	ts_snapshot_gauge(snapshot, TS_FAMILY_UDP_MEMORY, TS_LABELS("held"),
			  (double)memory->peak * page);
	ts_snapshot_gauge(snapshot, TS_FAMILY_UDP_MEMORY, TS_LABELS("page"), page);
	memory->peak = 0;
}
