// SPDX-License-Identifier: GPL-2.0-only
#include "socket_sending.h"

#include <string.h>

#define INITIAL_WINDOW 10   /* TCP_INIT_CWND */
#define SEGMENTS_LEAST 20   /* fewer since the last visit say nothing about the window */
#define FREE_SHARE     0.5  /* of the busy time, not held up by a window or buffer */
#define WINDOW_USED    0.5  /* of the congestion window, by what is sent in a round trip */
#define LOSSY	       0.05 /* segments sent again as a share of all */
#define CALM_RATIO     1.25 /* round-trip time over its minimum, */
#define CALM_SLACK_US  1000 /* and what timers and interrupts add */
#define QUEUE_RATIO    1.5
#define TIMEOUTS_LEAST 2 /* in a row: a single loss is no silence */
#define PASSING_LEAST  4 /* full-sized segments since the last visit */

/* Those that answer each loss with a smaller window. */
static const char *const loss_based[] = {
	"cubic", "reno",     "bic",	  "htcp",     "westwood", "hybla",
	"veno",	 "scalable", "highspeed", "illinois", "yeah",	  "lp",
};

static bool is_loss_based(const char *algorithm)
{
	for (size_t i = 0; i < sizeof loss_based / sizeof *loss_based; i++)
		if (!strcmp(algorithm, loss_based[i]))
			return true;
	return false;
}

void ts_sending_begin(struct ts_sending *sending)
{
	memset(sending->stuck, 0, sizeof sending->stuck);
	memset(sending->silent, 0, sizeof sending->silent);
}

/* ---- held back by the congestion window */

static enum ts_path path_of(const struct ts_socket_record *record,
			    const struct ts_sending_context *context)
{
	double minimum = record->minimum_rtt_us, smoothed = record->smoothed_rtt_us;

	if (!is_loss_based(record->congestion_control))
		return TS_PATH_MODEL;
	if (!record->selective_acks)
		return TS_PATH_NO_SACK;
	if (strcmp(record->congestion_control, context->algorithm))
		return TS_PATH_CHOSEN;
	if (smoothed <= CALM_RATIO * minimum + CALM_SLACK_US)
		return TS_PATH_CALM;
	return smoothed > QUEUE_RATIO * minimum + CALM_SLACK_US ? TS_PATH_QUEUEING : TS_PATH_RISING;
}

/*
 * Time since the last visit in which only the congestion window can have held the connection back,
 * in ticks; 0 when something else did, or when the application had too little to send.
 */
static __u32 held_back(const struct ts_socket_record *record, const struct ts_socket_past *past,
		       __u64 jiffy_ns)
{
	const struct ts_socket_progress *now = &record->progress, *then = &past->progress;
	__u32 busy = now->busy - then->busy;
	__u32 other = now->window_limited - then->window_limited + now->buffer_limited -
		      then->buffer_limited;
	__u32 sent = now->segments_sent - then->segments_sent;
	__u32 resent = now->retransmitted - then->retransmitted;
	double round_trips;

	if (sent < SEGMENTS_LEAST || other >= busy || busy - other < FREE_SHARE * busy)
		return 0;
	/* Timeouts leave no room for what the window allows. */
	if (resent >= LOSSY * sent)
		return busy - other;
	round_trips = (double)(busy - other) * (double)jiffy_ns / 1e3 / record->smoothed_rtt_us;
	return sent >= WINDOW_USED * record->congestion_window * round_trips ? busy - other : 0;
}

static void judge_path(struct ts_sending *sending, const struct ts_socket_record *record,
		       const struct ts_socket_past *past, const struct ts_sending_context *context)
{
	const struct ts_socket_progress *now = &record->progress, *then = &past->progress;
	enum ts_path path;
	__u32 ticks;

	if (!record->smoothed_rtt_us || record->minimum_rtt_us == ~0U || !*context->algorithm)
		return;
	ticks = held_back(record, past, context->jiffy_ns);
	if (!ticks)
		return;
	path = path_of(record, context);
	sending->path[path].segments += now->segments_sent - then->segments_sent;
	sending->path[path].resent += now->retransmitted - then->retransmitted;
	sending->path[path].ns += (__u64)ticks * context->jiffy_ns;
}

/* ---- pauses */

__u32 ts_sending_paused_window(const struct ts_socket_record *record)
{
	bool pausing = !record->in_flight && record->now - record->last_sent > record->timeout;

	/* As tcp_slow_start_after_idle_check() has it, which spares the likes of BBR. */
	return pausing && is_loss_based(record->congestion_control) ? record->congestion_window : 0;
}

/*
 * The connection paused at the last visit and has sent since: if it has to begin with a small
 * window again, which doubles with every round trip, it needs so many more of these.
 */
static void judge_pause(struct ts_sending *sending, const struct ts_socket_record *record,
			const struct ts_socket_past *past)
{
	__u32 sent = record->progress.segments_sent - past->progress.segments_sent;
	__u32 window = past->paused_window, extra = 0;

	if (window > sent)
		window = sent;
	/* What the whole window carries in one round trip takes so many more. */
	for (__u32 step = INITIAL_WINDOW, carried = step; carried < window; carried += step) {
		extra++;
		step *= 2;
	}
	if (!extra)
		return;
	sending->pauses++;
	sending->pauses_ns += (__u64)extra * record->smoothed_rtt_us * 1000;
}

/* ---- nothing gets through */

static void count_progress(struct ts_sending *sending, enum ts_progress_kind kind)
{
	if (++sending->stuck[kind] > sending->stuck_peak[kind])
		sending->stuck_peak[kind] = sending->stuck[kind];
}

/* Each timeout is twice as long as the one before, which ended with the last resend. */
__u32 ts_sending_stuck_since(const struct ts_socket_record *record)
{
	return record->last_sent - record->timeout / 2;
}

static enum ts_progress_kind stuck_kind(const struct ts_socket_record *record)
{
	/* More than one, or one that is full: what is resent is the first of them. */
	if (record->outstanding < record->segment_size)
		return TS_STUCK_SMALL;
	if (record->progress.bytes_acked >= record->segment_size)
		return TS_STUCK_LATER;
	return (__s32)(record->last_heard - ts_sending_stuck_since(record)) > 0 ? TS_STUCK_FULL
										: TS_STUCK_UNHEARD;
}

static bool is_stuck(const struct ts_socket_record *record)
{
	return record->segment_size && record->timeouts >= TIMEOUTS_LEAST && record->in_flight;
}

bool ts_sending_is_unheard(const struct ts_socket_record *record)
{
	return is_stuck(record) && stuck_kind(record) == TS_STUCK_UNHEARD;
}

void ts_sending_is_there(struct ts_sending *sending)
{
	count_progress(sending, TS_STUCK_FULL);
}

static void judge_silence(struct ts_sending *sending, const struct ts_socket_record *record,
			  const struct ts_socket_past *past)
{
	__u64 acked = record->progress.bytes_acked - past->progress.bytes_acked;

	if (is_stuck(record))
		count_progress(sending, stuck_kind(record));
	else if (record->segment_size && past->elapsed_ns &&
		 acked >= PASSING_LEAST * record->segment_size)
		count_progress(sending, TS_PASSING);
}

void ts_sending_visit(struct ts_sending *sending, const struct ts_socket_record *record,
		      const struct ts_socket_past *past, const struct ts_sending_context *context)
{
	judge_silence(sending, record, past);
	if (!past->elapsed_ns)
		return;
	judge_path(sending, record, past, context);
	judge_pause(sending, record, past);
}

/*
 * Its last round-trip times are those of an emptying path: nothing is said of what it met there.
 */
void ts_sending_ended(struct ts_sending *sending, const struct ts_socket_record *record,
		      const struct ts_socket_past *past)
{
	if (past->met)
		judge_pause(sending, record, past);
}

void ts_sending_silent(struct ts_sending *sending, enum ts_peer peer)
{
	if (++sending->silent[peer] > sending->silent_peak[peer])
		sending->silent_peak[peer] = sending->silent[peer];
}

/* ---- snapshot */

static const char *const peer_names[TS_PEERS] = {
	[TS_PEER_GONE] = "gone",
	[TS_PEER_PRESENT] = "present",
	[TS_PEER_UNKNOWN] = "unknown",
};

static const char *const path_names[TS_PATHS] = {
	[TS_PATH_CALM] = "calm",     [TS_PATH_RISING] = "rising", [TS_PATH_QUEUEING] = "queueing",
	[TS_PATH_CHOSEN] = "chosen", [TS_PATH_MODEL] = "model",	  [TS_PATH_NO_SACK] = "no-sack",
};

static const char *const progress_names[TS_PROGRESS_KINDS] = {
	[TS_STUCK_FULL] = "stuck-full",	  [TS_STUCK_UNHEARD] = "stuck-unheard",
	[TS_STUCK_LATER] = "stuck-later", [TS_STUCK_SMALL] = "stuck-small",
	[TS_PASSING] = "passing",
};

void ts_sending_snapshot(struct ts_sending *sending, struct ts_snapshot *snapshot,
			 const char *netns, const char *side, const char *port)
{
	for (size_t i = 0; i < TS_PATHS; i++) {
		const char *const *labels = TS_LABELS(netns, side, port, path_names[i]);

		if (!sending->path[i].segments)
			continue;
		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_PATH_SEGMENTS, labels,
				    sending->path[i].segments);
		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_PATH_RESENT, labels,
				    sending->path[i].resent);
		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_PATH_TIME, labels, sending->path[i].ns);
	}
	if (sending->pauses) {
		const char *const *labels = TS_LABELS(netns, side, port);

		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_PAUSES, labels, sending->pauses);
		ts_snapshot_counter(snapshot, TS_FAMILY_TCP_PAUSE_COST, labels, sending->pauses_ns);
	}
	for (size_t i = 0; i < TS_PROGRESS_KINDS; i++) {
		if (sending->stuck_peak[i])
			ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_PROGRESS,
					  TS_LABELS(netns, side, port, progress_names[i]),
					  sending->stuck_peak[i]);
		sending->stuck_peak[i] = 0;
	}
	for (size_t i = 0; i < TS_PEERS; i++) {
		if (sending->silent_peak[i])
			ts_snapshot_gauge(snapshot, TS_FAMILY_TCP_SILENT,
					  TS_LABELS(netns, side, port, peer_names[i]),
					  sending->silent_peak[i]);
		sending->silent_peak[i] = 0;
	}
}
