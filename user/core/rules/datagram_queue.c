// SPDX-License-Identifier: GPL-2.0-only
#include "datagram_queue.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

static double time_of(const struct ts_rule_context *context, const struct ts_series *s,
		      const char *kind)
{
	return ts_window_seconds(context->window, TS_FAMILY_DATAGRAM_QUEUE_TIME,
				 TS_LABELS(s->label[0], s->label[1], s->label[2], kind));
}

struct ts_datagram_queue ts_datagram_queue(const struct ts_rule_context *context,
					   const struct ts_series *series)
{
	const char *const labels[TS_LABELS_MAX] = {series->label[0], series->label[1],
						   series->label[2]};

	return (struct ts_datagram_queue){
		.netns = labels[0],
		.socket = labels[1],
		.limit = labels[2],
		.observed = time_of(context, series, "observed"),
		.queued = time_of(context, series, "queued"),
		.full = time_of(context, series, "full"),
		.working = time_of(context, series, "working"),
		.stretch = ts_window_gauge(context->window, TS_FAMILY_DATAGRAM_QUEUE_STRETCH,
					   labels, 0),
		.reader =
			ts_window_sufferer(context->window, TS_FAMILY_DATAGRAM_QUEUE_TIME, labels),
	};
}

double ts_datagram_working_share(const struct ts_datagram_queue *queue)
{
	double working = queue->reader ? fmin(queue->working, queue->queued) : queue->queued;

	return queue->observed > 0 ? working / queue->observed : 0;
}

double ts_datagram_delivered_share(const struct ts_rule_context *context,
				   const struct ts_datagram_queue *queue)
{
	double delivered = ts_rule_network_counter(context, queue->netns, "UdpInDatagrams") +
			   ts_rule_network_counter(context, queue->netns, "Udp6InDatagrams");
	double dropped = (double)ts_window_counter(context->window, TS_FAMILY_UDP_DROPS,
						   TS_LABELS(queue->netns));

	return delivered > 0 ? delivered / (delivered + dropped) : NAN;
}

bool ts_datagram_reader_is_slow(const struct ts_rule_context *context,
				const struct ts_datagram_queue *queue, double stretch_threshold)
{
	double delivered = ts_datagram_delivered_share(context, queue);

	return queue->stretch >= stretch_threshold ||
	       (!isnan(delivered) && ts_datagram_working_share(queue) > delivered);
}

const char *ts_datagram_text(struct ts_rule_context *context, const struct ts_datagram_queue *queue)
{
	const char *reader = queue->reader ? ts_text(context, " of %s (%d)", queue->reader->comm,
						     queue->reader->pid)
					   : "";

	return ts_text(context, "%s%s in %s", queue->socket, reader,
		       ts_rule_netns_text(context, queue->netns));
}

void ts_datagram_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			  const struct ts_datagram_queue *queue, double stretch_threshold)
{
	const char *const labels[TS_LABELS_MAX] = {queue->netns, queue->socket, queue->limit};
	const char *const working[TS_LABELS_MAX] = {queue->netns, queue->socket, queue->limit,
						    "working"};
	__u64 samples = (__u64)(10 * queue->observed);

	ts_finding_judged(context, finding, TS_FAMILY_DATAGRAM_QUEUE_STRETCH, labels,
			  "longest time in which it was never found drained", queue->stretch, "s",
			  samples, stretch_threshold);
	ts_finding_evidence(context, finding, TS_FAMILY_DATAGRAM_QUEUE_TIME, working,
			    queue->reader ? "its reader worked, of the time around"
					  : "it was not drained, of the time around",
			    100 * ts_datagram_working_share(queue), "%", samples);
}

void ts_datagram_name(struct ts_rule_context *context, struct ts_finding *finding,
		      const struct ts_datagram_queue *queue, const char *what)
{
	struct ts_arena *arena = context->report->arena;

	if (!*finding->setting || finding->scope == TS_SCOPE_NETNS) {
		finding->netns = ts_arena_intern(arena, queue->netns);
		if (!strncmp(queue->socket, "udp:", 4))
			finding->port = ts_arena_intern(arena, queue->socket + 4);
	}
	if (queue->reader) {
		ts_finding_sufferer(context, finding, queue->reader);
		finding->pid = queue->reader->pid;
		finding->comm = ts_arena_intern(arena, queue->reader->comm);
	}
	ts_finding_identify(context, finding, what, "port");
}
