// SPDX-License-Identifier: GPL-2.0-only
#include "socket_visit.h"

#include "socket_sending.h"

#define ESTABLISHED 1 /* TCP_ESTABLISHED */

/*
 * The last exchange of a connection, when it took place since the round before; that which sets a
 * connection up (TLS) is over by then. When data came and went within one tick of the clock, it may
 * as well have been a reply and the next request: nothing is known then.
 */
static void judge_exchange(const struct ts_socket_visitor *visitor, struct ts_socket_group *group,
			   const struct ts_socket_record *record, const struct ts_socket_past *past,
			   __u32 request, __u32 reply)
{
	if (!record->exchanged || request == reply)
		return;
	if (!past->met || past->request == request)
		return;
	ts_socket_group_exchange(group, (__u64)(reply - request) * visitor->jiffy_ns);
}

static void judge_ahead(const struct ts_socket_visitor *visitor, struct ts_socket_group *group,
			const struct ts_socket_record *record, const struct ts_socket_past *past)
{
	double seconds = ts_socket_ahead(record, past), size;

	/*
	 * Who waits within write() has made what it writes by then, and a long answer written in
	 * small pieces cannot be told from messages: it would not arrive sooner.
	 */
	if (!(seconds > 0) || !record->nonblocking)
		return;
	size = ts_socket_write_size(visitor->writers, visitor->proc, record->identity,
				    record->inode);
	if (size > 0)
		ts_socket_group_ahead(group, size, record->unsent, seconds);
}

static __u64 moved_since(const struct ts_socket_record *record, const struct ts_socket_past *past)
{
	return record->progress.bytes_received - past->progress.bytes_received +
	       record->progress.bytes_acked - past->progress.bytes_acked;
}

/* What is known of it since it was met; request: the number of its last exchange. */
static struct ts_socket_past past_of(const struct ts_socket_visitor *visitor,
				     const struct ts_socket_meeting *meeting,
				     const struct ts_socket_record *record, __u32 request)
{
	struct ts_socket_past past =
		ts_socket_memory_update(visitor->memory, visitor->round, record, meeting->netns,
					meeting->now, request, ts_sending_paused_window(record));
	bool missed;

	/* A record in between that could not be judged leaves more than that. */
	missed = !visitor->round && moved_since(record, &past) > meeting->moved;
	if (!past.met)
		past.elapsed_ns = meeting->age_ns;
	else if (!missed && meeting->settled_ns && meeting->settled_ns < past.elapsed_ns)
		past.elapsed_ns = meeting->settled_ns;
	/* It has sent a little since, and again and again is not all at once. */
	if (missed || meeting->stirred)
		past.paused_window = 0;
	return past;
}

void ts_socket_visit(const struct ts_socket_visitor *visitor,
		     const struct ts_socket_meeting *meeting, const struct ts_socket_record *record)
{
	__u32 request = meeting->outbound ? record->last_sent : record->last_received;
	__u32 reply = meeting->outbound ? record->last_received : record->last_sent;
	struct ts_socket_group *group = meeting->group;
	bool pending = (__s32)(reply - request) < 0;
	/* A request without its reply yet must be new to the round that finds the reply. */
	struct ts_socket_past past = past_of(visitor, meeting, record, pending ? reply : request);

	if (record->state == ESTABLISHED)
		ts_socket_group_rtt(group, record->smoothed_rtt_us, record->minimum_rtt_us);
	ts_socket_judge(group, record, &past, meeting->limits);
	ts_sending_visit(ts_socket_group_sending(group), record, &past,
			 &(struct ts_sending_context){meeting->limits->congestion_control,
						      visitor->jiffy_ns});
	judge_ahead(visitor, group, record, &past);
	/* Whether the other side is still there is known when all namespaces have been seen. */
	if (visitor->round)
		ts_socket_peers_visit(visitor->peers, ts_socket_group_sending(group), record,
				      visitor->jiffy_ns);
	if (!pending)
		judge_exchange(visitor, group, record, &past, request, reply);
}
