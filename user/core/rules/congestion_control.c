// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss that is no congestion: a loss-based congestion control keeps the window small on a path that
 * has room. Congestion and heavy loss look alike in the counters of retransmissions.
 */
#include "flow.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { HELD_SECONDS, RESENT, LOSS_LEAST, LOSS_MOST, PATH_SHARE, ROUND_TRIP, APART };

#define MODEL	     "bbr"
#define QUEUE_RESENT 2	 /* segments: where a queue stands that is enough to say so */
#define SOME_QUEUE   0.3 /* of the time held back: makes bursts out of losses that look mixed */
#define MIXED	     0.7 /* recoveries for each segment sent again */
#define SOFTNET_LOSS 10	 /* packets this host dropped by itself: no matter of the path */

static const char *const paths[] = {"calm", "rising", "queueing"};
enum { CALM, RISING, QUEUEING, PATHS };
/* Their congestion control is the application's choice, or goes by no loss: only a cause is named.
 */
static const char *const free_paths[] = {"chosen", "model"};

/* Connections of one service (or to one remote port) that their congestion window held back. */
struct flow {
	const char *netns, *side, *port;
	struct {
		double segments, resent, seconds;
	} path[PATHS], all, free;
	double rtt, least_rtt; /* medians; NAN unknown */
	/* Recoveries from loss over segments sent again in them, in the namespace; 1 where each
	   loss came alone, small where a queue overflowed. */
	double apart;
};

static double count(const struct ts_rule_context *context, const struct flow *f,
		    enum ts_family_id family, const char *path)
{
	return (double)ts_window_counter(context->window, family,
					 TS_LABELS(f->netns, f->side, f->port, path));
}

static double losses_apart(const struct ts_rule_context *context, const char *netns)
{
	double recoveries = ts_rule_network_counter(context, netns, "TCPSackRecovery") +
			    ts_rule_network_counter(context, netns, "TCPRenoRecovery");
	double resent = ts_rule_network_counter(context, netns, "TCPFastRetrans");

	return resent > 0 ? fmin(recoveries / resent, 1) : 1;
}

static struct flow measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	struct flow f = {.netns = s->label[0], .side = s->label[1], .port = s->label[2]};

	for (size_t i = 0; i < PATHS; i++) {
		f.path[i].segments = count(context, &f, TS_FAMILY_TCP_PATH_SEGMENTS, paths[i]);
		f.path[i].resent = count(context, &f, TS_FAMILY_TCP_PATH_RESENT, paths[i]);
		f.path[i].seconds = ts_window_seconds(context->window, TS_FAMILY_TCP_PATH_TIME,
						      TS_LABELS(f.netns, f.side, f.port, paths[i]));
		f.all.segments += f.path[i].segments;
		f.all.resent += f.path[i].resent;
		f.all.seconds += f.path[i].seconds;
	}
	for (size_t i = 0; i < sizeof free_paths / sizeof *free_paths; i++) {
		f.free.segments += count(context, &f, TS_FAMILY_TCP_PATH_SEGMENTS, free_paths[i]);
		f.free.resent += count(context, &f, TS_FAMILY_TCP_PATH_RESENT, free_paths[i]);
		f.free.seconds +=
			ts_window_seconds(context->window, TS_FAMILY_TCP_PATH_TIME,
					  TS_LABELS(f.netns, f.side, f.port, free_paths[i]));
	}
	f.apart = losses_apart(context, f.netns);
	f.rtt = ts_window_median(context->window, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT,
				 TS_LABELS(f.netns, f.side, f.port));
	f.least_rtt = ts_window_median(context->window, TS_FAMILY_TCP_LIVE_MINIMUM_RTT,
				       TS_LABELS(f.netns, f.side, f.port));
	return f;
}

static double loss(const struct flow *f)
{
	return f->all.segments > 0 ? f->all.resent / f->all.segments : 0;
}

static void name(struct ts_rule_context *context, struct ts_finding *finding, const struct flow *f,
		 const char *what)
{
	finding->netns = ts_arena_intern(context->report->arena, f->netns);
	finding->port = ts_arena_intern(context->report->arena, f->port);
	ts_finding_identify(context, finding, what,
			    strcmp(f->side, "outbound") ? "port" : "remote-port");
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct flow *f)
{
	const char *const labels[TS_LABELS_MAX] = {f->netns, f->side, f->port};
	__u64 samples = (__u64)f->all.segments;

	ts_finding_judged(context, finding, TS_FAMILY_TCP_PATH_RESENT, labels,
			  "segments sent again, as a share of all", 100 * loss(f), "%", samples,
			  100 * context->threshold[LOSS_LEAST]);
	ts_finding_judged(context, finding, TS_FAMILY_TCP_PATH_TIME, labels,
			  "time in which the congestion window alone held connections back",
			  f->all.seconds, "s", samples, context->threshold[HELD_SECONDS]);
	for (size_t i = 0; i < PATHS; i++)
		ts_finding_evidence(context, finding, TS_FAMILY_TCP_PATH_TIME,
				    TS_LABELS(f->netns, f->side, f->port, paths[i]),
				    i == CALM	  ? "of this with the round-trip time near its "
						    "minimum"
				    : i == RISING ? "of this with a raised round-trip time"
						  : "of this with a round-trip time half as long "
						    "again, or longer",
				    f->path[i].seconds, "s", samples);
	ts_finding_judged(context, finding, TS_FAMILY_NETWORK_COUNTERS,
			  TS_LABELS(f->netns, "TCPSackRecovery"),
			  "recoveries from loss for each segment sent again (1: losses come one by "
			  "one)",
			  f->apart, "recoveries", samples, context->threshold[APART]);
	if (!isnan(f->rtt))
		ts_finding_evidence(context, finding, TS_FAMILY_TCP_LIVE_SMOOTHED_RTT, labels,
				    "round-trip time (median)", 1e3 * f->rtt, "ms", samples);
	if (!isnan(f->least_rtt))
		ts_finding_evidence(context, finding, TS_FAMILY_TCP_LIVE_MINIMUM_RTT, labels,
				    "its minimum (median)", 1e3 * f->least_rtt, "ms", samples);
	finding->harm = f->all.seconds;
	finding->harm_unit = "seconds of transfer held back";
	finding->harm_seconds = f->all.seconds;
}

static void not_a_setting(struct ts_rule_context *context, const struct flow *f, const char *cause,
			  const char *title, const char *remedy)
{
	struct ts_finding *finding = ts_finding_cause(
		context, cause, ts_settings[TS_SETTING_TCP_CONGESTION_CONTROL].name);

	finding->scope = TS_SCOPE_NETNS;
	name(context, finding, f, cause);
	finding->title = ts_text(context, "%s %s",
				 ts_rule_service_text(context, f->netns, f->side, f->port), title);
	finding->remedy = remedy;
	finding->confidence = 0.75;
	add_evidence(context, finding, f);
}

/* A word of a list of words. */
static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

static const char *setting_text(const struct ts_rule_context *context, enum ts_setting_id id,
				const char *scope)
{
	const struct ts_setting_value *value = ts_window_setting(context->window, id, scope);

	return value && value->status == TS_STATUS_OK ? value->value : "";
}

/* Other namespaces than the initial one may only choose what is allowed to everybody. */
static void allow_first(struct ts_rule_context *context, struct ts_finding *finding,
			const char *netns)
{
	const struct ts_netns *space = ts_window_netns(context->window, netns);
	const char *allowed = setting_text(context, TS_SETTING_TCP_ALLOWED_CONGESTION_CONTROL, "");

	if ((space && space->initial) || lists(allowed, MODEL))
		return;
	finding->remedy = ts_text(context,
				  "A namespace may only choose what "
				  "net.ipv4.tcp_allowed_congestion_control of the initial one "
				  "lists (now: %s): add " MODEL " there first.",
				  *allowed ? allowed : "not known");
	if (!*allowed || allowed[strspn(allowed, "abcdefghijklmnopqrstuvwxyz0123456789_ ")])
		finding->apply = "";
	else if (*finding->apply)
		finding->apply = ts_text(context,
					 "sysctl -w net.ipv4.tcp_allowed_congestion_control=\"%s "
					 "" MODEL "\" && %s",
					 allowed, finding->apply);
}

static void choose_model(struct ts_rule_context *context, const struct flow *f)
{
	const char *current = setting_text(context, TS_SETTING_TCP_CONGESTION_CONTROL, f->netns);
	struct ts_finding *finding;

	if (!*current ||
	    !lists(setting_text(context, TS_SETTING_TCP_AVAILABLE_CONGESTION_CONTROL, ""), MODEL)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s lose %.2g %% of their segments without congestion, but this kernel has "
			"no " MODEL " loaded (modprobe tcp_bbr): look again when it has",
			ts_rule_service_text(context, f->netns, f->side, f->port), 100 * loss(f));
		return;
	}
	finding = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	ts_finding_propose(context, finding, TS_SETTING_TCP_CONGESTION_CONTROL, f->netns, MODEL);
	name(context, finding, f, finding->setting);
	finding->title =
		ts_text(context, "%s lose segments at random, and %s takes that for congestion",
			ts_rule_service_text(context, f->netns, f->side, f->port), current);
	finding->computed = ts_text(
		context,
		"%.2g %% of the segments were sent again while the round-trip time stayed at %.3g "
		"ms (at least %.3g ms): no queue builds up. " MODEL " goes by the rate that "
		"arrives, not by loss",
		100 * loss(f), 1e3 * f->rtt, 1e3 * f->least_rtt);
	finding->expect = "the rate follows the path's capacity instead of its loss";
	finding->confidence = 0.8;
	allow_first(context, finding, f->netns);
	add_evidence(context, finding, f);
}

static void fills_its_path(struct ts_rule_context *context, const struct flow *f)
{
	not_a_setting(context, f, "congestion", "fill their path",
		      "Queues build up before segments are lost: the path is full. Another "
		      "congestion control would only take from others what it gains; what "
		      "helps is more bandwidth or less traffic.");
}

/* Segments this host loses by itself, or cannot hold: the path is not to blame. */
static bool lost_at_home(const struct ts_rule_context *context)
{
	return ts_window_counter(context->window, TS_FAMILY_SOFTNET, TS_LABELS(NULL, "dropped")) >=
		       SOFTNET_LOSS ||
	       ts_rule_network_counter(context, NULL, "TCPMemoryPressures") > 0 ||
	       ts_rule_network_counter(context, NULL, "TCPRcvQDrop") > 0;
}

static bool in_bursts(const struct ts_rule_context *context, const struct flow *f, double queued)
{
	return f->apart < context->threshold[APART] ||
	       (f->apart < MIXED && queued >= SOME_QUEUE * f->all.seconds);
}

static bool is_symptom(const struct ts_rule_context *context, const struct flow *f)
{
	if (f->all.seconds < context->threshold[HELD_SECONDS])
		return false;
	if (f->path[QUEUEING].seconds >= context->threshold[PATH_SHARE] * f->all.seconds)
		return f->all.resent >= QUEUE_RESENT;
	return f->all.resent >= context->threshold[RESENT] &&
	       loss(f) >= context->threshold[LOSS_LEAST];
}

static void judge_flow(struct ts_rule_context *context, const struct flow *f)
{
	double queued = f->path[RISING].seconds + f->path[QUEUEING].seconds;

	if (loss(f) > context->threshold[LOSS_MOST]) {
		not_a_setting(context, f, "path-loss", "lose a large part of what they send",
			      "No congestion control makes up for that much loss: look for a bad "
			      "link, a policer, or a queue that overflows on the path.");
	} else if (queued >= context->threshold[PATH_SHARE] * f->all.seconds) {
		fills_its_path(context, f);
	} else if (in_bursts(context, f, queued)) {
		not_a_setting(context, f, "congestion", "overflow a short queue on their path",
			      "Segments are lost many at a time, not one here and one there: the "
			      "path is full, and has a short queue. Another congestion control "
			      "would only take from others what it gains; what helps is more "
			      "bandwidth, a longer queue or less traffic.");
	} else if (f->path[CALM].seconds < context->threshold[PATH_SHARE] * f->all.seconds) {
		ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					"%s lose segments, sometimes with a queue on the path and "
					"sometimes without: observe longer",
					ts_rule_service_text(context, f->netns, f->side, f->port));
	} else if (!(f->least_rtt >= context->threshold[ROUND_TRIP])) {
		ts_rule_without_finding(context, TS_OUTCOME_QUIET,
					"%s lose segments on a path so short that the window soon "
					"recovers",
					ts_rule_service_text(context, f->netns, f->side, f->port));
	} else if (lost_at_home(context)) {
		ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%s lose segments while this host drops some by itself (see "
			"its other rules)",
			ts_rule_service_text(context, f->netns, f->side, f->port));
	} else {
		choose_model(context, f);
	}
}

/* No setting is in question, but why they are held back is worth knowing. */
static bool is_full_anyway(const struct ts_rule_context *context, const struct flow *f)
{
	return f->free.seconds >= context->threshold[HELD_SECONDS] &&
	       f->free.resent >= QUEUE_RESENT &&
	       ts_flow_queue_stands(context, f->netns, f->side, f->port);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_TCP_PATH_SEGMENTS) {
		struct flow f;

		if (ts_rule_is_other(s) ||
		    ts_rule_service_seen(context->window, TS_FAMILY_TCP_PATH_SEGMENTS, s))
			continue;
		f = measure(context, s);
		if (is_symptom(context, &f)) {
			judge_flow(context, &f);
		} else if (is_full_anyway(context, &f)) {
			f.all = f.free;
			fills_its_path(context, &f);
		} else {
			most = fmax(most, loss(&f));
		}
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"connections whose congestion window held them back sent at most %.2g %% of their "
		"segments again, or too few to tell (threshold %.2g %%)",
		100 * most, 100 * context->threshold[LOSS_LEAST]);
}

const struct ts_rule ts_rule_congestion_control = {
	.id = "congestion-control",
	.title = "Random loss taken for congestion",
	.needs = {TS_FAMILY_TCP_PATH_SEGMENTS, TS_FAMILY_TCP_PATH_RESENT, TS_FAMILY_TCP_PATH_TIME,
		  TS_FAMILY_TCP_LIVE_MINIMUM_RTT, TS_FAMILY_NETWORK_COUNTERS, TS_FAMILY_SOFTNET,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_TCP_CONGESTION_CONTROL, TS_SETTING_COUNT},
	.symptom_of = {"tcp-memory", "softnet-backlog", "conntrack-table", "neighbour-table",
		       "mtu-black-hole"},
	.thresholds =
		{[HELD_SECONDS] = {"held_seconds", 1.5, 0.1, 1e6, "seconds",
				   "time in which the congestion window alone holds connections of "
				   "one service back, from which on they are judged"},
		 [RESENT] = {"resent_segments", 5, 1, 1e9, "segments",
			     "segments those connections send again, needed to judge them"},
		 [LOSS_LEAST] = {"loss_least", 0.001, 0.00001, 0.5, "share of the segments",
				 "segments sent again as a share of all, from which on it is a "
				 "symptom"},
		 [LOSS_MOST] = {"loss_most", 0.07, 0.001, 1, "share of the segments",
				"the same, above which the path is at fault whatever the "
				"congestion control"},
		 [PATH_SHARE] = {"path_share", 0.6, 0.5, 1, "share of that time",
				 "time with the round-trip time near its minimum (random loss), or "
				 "above it (congestion), needed to tell which it is"},
		 [ROUND_TRIP] = {"round_trip_seconds", 0.005, 0, 10, "seconds",
				 "on paths shorter than this a window soon recovers from loss"},
		 [APART] = {"losses_apart", 0.5, 0.01, 1, "recoveries for each segment",
			    "recoveries from loss for each segment sent again, below which "
			    "losses come in bursts: a queue that overflows"}},
	.judge = judge,
	.explanation =
		"Loss-based congestion controls (cubic, reno) halve or nearly halve the congestion "
		"window at each loss, because loss used to mean a full queue. On radio links and "
		"long paths segments are lost at random, and the window never grows to what the "
		"path takes. BBR goes by the rate at which data arrives.\n"
		"Convicts net.ipv4.tcp_congestion_control: connections held back by nothing but "
		"their congestion window send 0.1 to 7 % of their segments again, one by one, "
		"while the "
		"round-trip time stays near its minimum: no queue.\n"
		"Acquits it: a round-trip time far above its minimum (congestion: the path is "
		"full); losses in bursts (a short queue overflows); heavier loss; an application "
		"that chose the congestion control itself; "
		"missing selective acknowledgements (tcp-sack); segments that this host drops.\n"
		"BBR gives way to others less than cubic does. In a namespace it must stand in the "
		"initial one's net.ipv4.tcp_allowed_congestion_control. New connections take it, a "
		"service's from its next listen() on.\n"
		"Source: tcp_set_default_congestion_control(), tcp_cong_control(); RFC 9438, "
		"draft-ietf-ccwg-bbr.",
};
