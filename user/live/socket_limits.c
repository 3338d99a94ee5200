// SPDX-License-Identifier: GPL-2.0-only
#include "socket_limits.h"

#include <fcntl.h>
#include <stdio.h>

#include "procfile.h"

#define LEAST_BYTES    65536 /* fewer since the last visit say nothing about the window */
#define READER_BYTES   4096  /* a reader that holds the window closed lets even less come */
#define UTILISED       0.4   /* of the window, by what arrives in one round trip */
#define BUFFER_SHARE   0.25  /* of the busy time: a pacing algorithm hides the rest */
#define BUFFER_FULL    0.4   /* of the send buffer, by what is in flight: the rest is overhead */
#define BUFFER_BRIM    0.6   /* hardly more can be in flight than this, all of it being sent */
#define WINDOW_FULL    0.85  /* of the other side's window, by what is in flight */
#define UNSCALED_MOST  65535 /* where a window without scaling ends */
#define UNSCALED_LEAST 49152 /* ends there, as good as */
#define LOSS_SHARE     0.02  /* of segments, from which on loss is what bounds a connection */
#define AHEAD_SECONDS  0.05  /* what is written ahead takes at least as long, and a round trip */
#define PATH_FULL      5     /* round-trip time over its minimum: most of the wait is on the path */
#define PATH_JITTER    1.25  /* times the minimum, a round-trip time without a queue */
/* A connection that has ended lasted at least so long, */
#define SHORT_NS	  200000000ULL
#define SHORT_ROUND_TRIPS 5
#define LOSS_SEGMENTS	  50 /* fewer have no such share */

/* ---- what the namespace allows */

/* Up to three numbers of a small file; the rest stays as it is. Returns how many. */
static int read_numbers(const char *path, __u64 number[3])
{
	char text[96], *at = text;
	int count = 0;

	if (ts_read_small(AT_FDCWD, path, text, sizeof text) < 0)
		return 0;
	while (count < 3 && ts_take_number(&at, &number[count]))
		count++;
	return count;
}

void ts_netns_limits_read(struct ts_netns_limits *limits)
{
	__u64 number[3] = {0};
	char algorithm[32];

	*limits = (struct ts_netns_limits){0};
	if (read_numbers("/proc/sys/net/ipv4/tcp_rmem", number) == 3)
		limits->tcp_rmem_max = number[2];
	if (read_numbers("/proc/sys/net/ipv4/tcp_wmem", number) == 3)
		limits->tcp_wmem_max = number[2];
	if (read_numbers("/proc/sys/net/core/rmem_max", number) >= 1)
		limits->rmem_max = number[0];
	if (read_numbers("/proc/sys/net/core/wmem_max", number) >= 1)
		limits->wmem_max = number[0];
	if (read_numbers("/proc/sys/net/ipv4/tcp_moderate_rcvbuf", number) >= 1)
		limits->autotuning_off = !number[0];
	if (read_numbers("/proc/sys/net/ipv4/ip_local_port_range", number) >= 2 &&
	    number[1] >= number[0])
		limits->ports = number[1] - number[0] + 1;
	if (ts_read_small(AT_FDCWD, "/proc/sys/net/ipv4/tcp_congestion_control", algorithm,
			  sizeof algorithm) > 0)
		snprintf(limits->congestion_control, sizeof limits->congestion_control, "%.15s",
			 algorithm);
}

/* ---- one connection */

static bool lossy(__u32 lost, __u32 segments)
{
	return segments >= LOSS_SEGMENTS && lost >= LOSS_SHARE * segments;
}

/* A buffer the application asked for: the kernel gives twice of that, and of the limit at most. */
static enum ts_socket_limit fixed_buffer(__u32 buffer, __u64 maximum)
{
	return maximum && buffer == 2 * maximum ? TS_LIMIT_CORE_MAXIMUM : TS_LIMIT_FIXED;
}

/* Without scaling the kernel keeps a larger window than it can tell the other side of. */
static __u32 offered_window(const struct ts_socket_record *record)
{
	if (record->window_scaling || record->window < UNSCALED_MOST)
		return record->window;
	return UNSCALED_MOST;
}

/*
 * What bounds the window of a connection that receives. A buffer the application does not empty
 * comes first: then the window is closed by the reader, whatever its size. A connection that does
 * not use a good part of its window in a round trip is bounded by something else (the kernel aims
 * at half of it as long as the buffer may grow).
 */
static enum ts_socket_limit receive_limit(const struct ts_socket_record *record,
					  const struct ts_socket_progress *since,
					  const struct ts_netns_limits *limits, double in_flight)
{
	if (record->unread >= record->buffer / 4)
		return TS_LIMIT_READER;
	if (in_flight < UTILISED * offered_window(record))
		return lossy(since->out_of_order, since->segments_received) ? TS_LIMIT_LOSS
									    : TS_LIMIT_NONE;
	if (!record->window_scaling && record->window >= UNSCALED_LEAST)
		return TS_LIMIT_UNSCALED;
	if (record->buffer_locked)
		return fixed_buffer(record->buffer, limits->rmem_max);
	if (limits->tcp_rmem_max && record->buffer >= limits->tcp_rmem_max)
		return TS_LIMIT_TCP_MEMORY;
	return limits->autotuning_off ? TS_LIMIT_NO_AUTOTUNING : TS_LIMIT_GROWING;
}

/*
 * The kernel's account of the time, or a window that is full: where the window is no multiple of
 * the segments, or pacing fills it, the account is no more than a part.
 */
static bool fills_peer_window(const struct ts_socket_record *record,
			      const struct ts_socket_progress *since, double in_flight)
{
	return since->window_limited > since->busy / 2 ||
	       (record->peer_window && in_flight >= WINDOW_FULL * record->peer_window);
}

/*
 * The account tells only of times with nothing left to send: an application that is quick to fill
 * what was freed keeps it low. With what is in flight in the buffer a smaller part is enough, and
 * where that fills it any that is no accident: nothing but the buffer ends it there.
 */
static bool fills_own_buffer(const struct ts_socket_record *record,
			     const struct ts_socket_progress *since, double in_flight)
{
	double share = in_flight >= BUFFER_BRIM * record->send_buffer	? BUFFER_SHARE / 16
		       : in_flight >= BUFFER_FULL * record->send_buffer ? BUFFER_SHARE / 2
									: BUFFER_SHARE;

	return since->buffer_limited > share * since->busy;
}

/* What bounds a connection that sends: the kernel keeps an account of the time. */
static enum ts_socket_limit send_limit(const struct ts_socket_record *record,
				       const struct ts_socket_progress *since,
				       const struct ts_netns_limits *limits, double in_flight)
{
	if (fills_own_buffer(record, since, in_flight) &&
	    since->buffer_limited >= since->window_limited) {
		if (record->send_buffer_locked)
			return fixed_buffer(record->send_buffer, limits->wmem_max);
		return limits->tcp_wmem_max && record->send_buffer >= limits->tcp_wmem_max
			       ? TS_LIMIT_TCP_MEMORY
			       : TS_LIMIT_GROWING;
	}
	if (fills_peer_window(record, since, in_flight))
		return !record->window_scaling && record->peer_window >= UNSCALED_LEAST
			       ? TS_LIMIT_UNSCALED
			       : TS_LIMIT_PEER_WINDOW;
	return lossy(since->retransmitted, since->segments_sent) ? TS_LIMIT_LOSS : TS_LIMIT_NONE;
}

static double in_flight(__u64 bytes, __u64 elapsed_ns, __u32 rtt_us)
{
	return (double)bytes / (double)elapsed_ns * 1e3 * rtt_us;
}

static __u32 receiving_rtt(const struct ts_socket_record *record)
{
	return record->receiver_rtt_us ? record->receiver_rtt_us : record->smoothed_rtt_us;
}

/* rtt_us: that for which data was in flight. */
static void judge_received(struct ts_socket_group *group, const struct ts_socket_record *record,
			   const struct ts_socket_progress *since, __u64 elapsed_ns, __u32 rtt_us,
			   const struct ts_netns_limits *limits)
{
	struct ts_traffic traffic = {
		.bytes = since->bytes_received,
		.window = offered_window(record),
		.buffer = record->buffer,
		.rtt_us = receiving_rtt(record),
	};
	enum ts_socket_limit limit;

	traffic.in_flight = in_flight(traffic.bytes, elapsed_ns, rtt_us);
	limit = receive_limit(record, since, limits, traffic.in_flight);
	if (traffic.bytes >= (limit == TS_LIMIT_READER ? READER_BYTES : LEAST_BYTES))
		ts_socket_group_traffic(group, TS_DATA_RECEIVED, limit, &traffic);
}

static void judge_sent(struct ts_socket_group *group, const struct ts_socket_record *record,
		       const struct ts_socket_progress *since, __u64 elapsed_ns,
		       const struct ts_netns_limits *limits)
{
	struct ts_traffic traffic = {
		.bytes = since->bytes_acked,
		.window = record->peer_window,
		.buffer = record->send_buffer,
		.unsent = record->unsent,
		.rtt_us = record->smoothed_rtt_us,
	};

	if (traffic.bytes < LEAST_BYTES)
		return;
	traffic.in_flight = in_flight(traffic.bytes, elapsed_ns, traffic.rtt_us);
	ts_socket_group_traffic(group, TS_DATA_SENT,
				send_limit(record, since, limits, traffic.in_flight), &traffic);
}

static struct ts_socket_progress progress_since(const struct ts_socket_record *record,
						const struct ts_socket_past *past)
{
	const struct ts_socket_progress *now = &record->progress, *then = &past->progress;

	return (struct ts_socket_progress){
		.bytes_received = now->bytes_received - then->bytes_received,
		.bytes_acked = now->bytes_acked - then->bytes_acked,
		.segments_received = now->segments_received - then->segments_received,
		.segments_sent = now->segments_sent - then->segments_sent,
		.out_of_order = now->out_of_order - then->out_of_order,
		.retransmitted = now->retransmitted - then->retransmitted,
		.busy = now->busy - then->busy,
		.window_limited = now->window_limited - then->window_limited,
		.buffer_limited = now->buffer_limited - then->buffer_limited,
	};
}

void ts_socket_judge(struct ts_socket_group *group, const struct ts_socket_record *record,
		     const struct ts_socket_past *past, const struct ts_netns_limits *limits)
{
	const struct ts_socket_progress since = progress_since(record, past);

	if (!past->elapsed_ns)
		return;
	judge_received(group, record, &since, past->elapsed_ns, receiving_rtt(record), limits);
	judge_sent(group, record, &since, past->elapsed_ns, limits);
}

/* ---- one that has ended */

/*
 * Round-trip time of the path, at most. Whether the reader was slow cannot be seen any more: at the
 * end all has been read. While it was, what the receiver took for a round trip may have been the
 * time its own buffer took to empty, and every window would have been full.
 */
static __u32 path_rtt(const struct ts_socket_record *record)
{
	double most = PATH_JITTER * record->minimum_rtt_us;
	__u32 rtt = receiving_rtt(record);

	if (record->minimum_rtt_us == ~0U || !record->smoothed_rtt_us)
		return 0;
	if (record->smoothed_rtt_us < rtt)
		rtt = record->smoothed_rtt_us;
	return most < rtt ? (__u32)most : rtt;
}

/* Too short to be judged by its rate: it had not got to its pace. */
static bool is_short(__u64 elapsed_ns, __u32 rtt_us)
{
	return elapsed_ns < SHORT_NS || elapsed_ns < SHORT_ROUND_TRIPS * 1000ULL * rtt_us;
}

void ts_socket_judge_end(struct ts_socket_group *group, const struct ts_socket_end *end,
			 const struct ts_socket_past *past, const struct ts_netns_limits *limits,
			 __u64 jiffy_ns)
{
	const struct ts_socket_record *record = &end->socket;
	const struct ts_socket_progress since = progress_since(record, past);
	__u32 rtt_us = path_rtt(record);
	__u64 receiving = past->elapsed_ns, sending = past->elapsed_ns;

	/* The data that came first was on its way for a round trip, too. */
	if (!past->met && end->receiving_known)
		receiving = (end->receiving + 1ULL) * jiffy_ns + rtt_us * 1000ULL;
	if (!past->met)
		sending = since.busy * jiffy_ns;
	/* What its application left unread, and whether it was slow or just gave up, is not known.
	 */
	if (rtt_us && !is_short(receiving, rtt_us) && record->unread < record->buffer / 4)
		judge_received(group, record, &since, receiving, rtt_us, limits);
	if (!is_short(sending, record->smoothed_rtt_us))
		judge_sent(group, record, &since, sending, limits);
}

double ts_socket_ahead(const struct ts_socket_record *record, const struct ts_socket_past *past)
{
	double acked = (double)(record->progress.bytes_acked - past->progress.bytes_acked);
	double window = (double)record->congestion_window * record->segment_size;
	__u32 shut = record->progress.window_limited - past->progress.window_limited;
	double seconds;

	/* For a slow reader it waits on either side: less of it here is more of it there. */
	if (!past->met || shut > (record->progress.busy - past->progress.busy) / 2 ||
	    acked < LEAST_BYTES || record->unsent < window ||
	    record->smoothed_rtt_us >= (__u64)PATH_FULL * record->minimum_rtt_us)
		return 0;
	seconds = record->unsent / (acked / (double)past->elapsed_ns * 1e9);
	return seconds >= AHEAD_SECONDS && seconds >= record->smoothed_rtt_us / 1e6 ? seconds : 0;
}
