/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A timeline: a whole recording in a few hundred columns, which is what can be drawn. It is fed
 * window by window, in order of time, and keeps of each column what a chart needs: a number for
 * each counter and gauge, coarse buckets and a few percentiles for each histogram. The rules are
 * judged on the way, over short windows (when was it?) and over all of it (what is to be done?).
 *
 * Nothing unmeasured becomes a number: time between columns was not recorded, and a column says of
 * each family whether it was measured.
 */
#ifndef TUNESCOPE_TIMELINE_H
#define TUNESCOPE_TIMELINE_H

#include "recording.h"
#include "report.h"

#define TS_TIMELINE_COLUMNS 240 /* about; a few more where the recording is interrupted */
#define TS_TIMELINE_SCALE   2	/* of the buckets kept for each column: 4 an octave */
/* Windows that the rules are judged over; more are put together before. */
#define TS_TIMELINE_JUDGED	  10000
#define TS_TIMELINE_JUDGE_SECONDS 10

struct ts_column {
	__u64 start_ns, end_ns; /* on the recording's axis */
	double seconds;		/* measured */
	double missing_seconds; /* between the two, of what is not measured */
	size_t frames;
	__u8 status[TS_FAMILY_COUNT]; /* enum ts_status */
	double cpu_share;	      /* tunescope's own, of one CPU */
	__u64 rss_bytes, map_bytes, lost_events;
};

/* A histogram during one column. */
struct ts_cell {
	__u64 count;
	double p50, p95, p99, max;
	unsigned int first, slots; /* slot[0] is slot number first of TS_TIMELINE_SCALE */
	__u64 slot[];
};

/* One series through the columns first .. first + columns - 1. */
struct ts_track {
	struct ts_track *next; /* of the family */
	struct ts_track *hash_next;
	enum ts_family_id family;
	const char *label[TS_LABELS_MAX];
	size_t first, columns, capacity;
	union {
		double *value;	       /* a counter's rate, a gauge's value; NAN: not there */
		struct ts_cell **cell; /* NULL: not there */
	};
	double total;		  /* a counter's, in base units, over the whole recording */
	struct ts_histogram *all; /* a histogram's, likewise */
};

/* A BPF program's cost. */
struct ts_program_track {
	struct ts_probe_cost probe; /* run_count and run_ns over the whole recording */
	size_t columns, capacity;
	double *run_ns; /* mean time of a run; NAN: not known */
};

struct ts_span {
	__u64 start_ns, end_ns;
};

struct ts_timeline_finding {
	struct ts_finding finding;
	struct ts_span *span; /* stretches in which short windows had it, in order */
	size_t spans, spans_capacity;
	size_t windows;	     /* short windows that had it */
	double span_seconds; /* their time */
	bool over_all;	     /* it is there over the whole recording as well */
	/*
	 * The setting it wants changed was changed: the last such mark's number + 1, or 0; and
	 * whether it was not seen any more after that, though there was time to.
	 */
	size_t change;
	bool gone;
	double harm_seconds; /* what it is ranked by */
};

enum ts_mark_kind {
	TS_MARK_SETTING, /* a setting was changed: name, scope, from, to */
	TS_MARK_SESSION, /* recording was started */
	TS_MARK_BOOT,	 /* likewise, after the host was started */
	TS_MARK_CLOCK,	 /* the wall clock was set by so many seconds */
};

struct ts_mark {
	enum ts_mark_kind kind;
	__u64 at_ns;
	const char *name, *scope, *from, *to;
	enum ts_setting_id setting;
	double seconds;
};

/* A setting through the recording. */
struct ts_timeline_setting {
	enum ts_setting_id id;
	const char *scope, *value, *why; /* value: the last one */
	enum ts_status status;
	size_t changes;
	bool was_there, at_end; /* in the context before the last; at the end */
};

#define TS_NETNS_EARLIER 3

/*
 * A network namespace. The kernel gives the number of one that is gone to the next one: then both
 * are one here, under several names.
 */
struct ts_timeline_netns {
	struct ts_netns last;
	const char *earlier[TS_NETNS_EARLIER]; /* other names it had before; the first of them */
	size_t earlier_count;		       /* all of them */
};

/* A stretch in which a family was not measured. */
struct ts_outage {
	enum ts_family_id family;
	enum ts_status status;
	const char *why;
	__u64 start_ns, end_ns;
	double seconds; /* of that; less when it was measured in between */
};

struct ts_timeline {
	struct ts_arena *arena;
	__u64 start_ns, end_ns; /* of what was recorded */
	double seconds;		/* measured */
	size_t frames;
	struct ts_host host; /* at the end */
	const char *profile; /* name */
	struct ts_column *column;
	size_t columns, columns_capacity;
	struct ts_track *track[TS_FAMILY_COUNT]; /* in order of appearance */
	size_t tracks[TS_FAMILY_COUNT];
	__u64 overflowed[TS_FAMILY_COUNT];
	struct ts_program_track *program;
	size_t programs, programs_capacity;
	struct ts_timeline_finding *finding; /* those that are gone last; worst first */
	size_t findings, findings_capacity;
	struct ts_rule_result *rule; /* over everything */
	size_t rules;
	double judge_seconds; /* length of the short windows, about */
	struct ts_mark *mark; /* in order */
	size_t marks, marks_capacity;
	size_t marks_left_out; /* beyond a limit that only a broken recording reaches */
	struct ts_timeline_setting *setting;
	size_t settings, settings_capacity;
	struct ts_outage *outage;
	size_t outages, outages_capacity;
	struct ts_timeline_netns *netns;
	size_t netns_count, netns_capacity;
};

struct ts_timeline_builder;

/* The times are those between which windows will come; profile must stay until the end. */
struct ts_timeline_builder *ts_timeline_start(__u64 start_ns, __u64 end_ns,
					      const struct ts_profile *profile);
/* Windows in order of time; the place says when, in which session and with which context. */
void ts_timeline_add(struct ts_timeline_builder *builder, const struct ts_frame_place *place,
		     const struct ts_window *window);
/* Frees the builder. Never NULL; without any window it has no columns. */
struct ts_timeline *ts_timeline_finish(struct ts_timeline_builder *builder);
void ts_timeline_free(struct ts_timeline *timeline); /* NULL is fine */

/* All of it at once: what of a recording lies in from_ns .. to_ns. */
struct ts_timeline *ts_timeline_make(struct ts_recording *recording, __u64 from_ns, __u64 to_ns,
				     const struct ts_profile *profile);

/* A track's value or cell in a column; NAN or NULL when it was not there. */
double ts_track_value(const struct ts_track *track, size_t column);
const struct ts_cell *ts_track_cell(const struct ts_track *track, size_t column);

/* The family was measured in that column. */
bool ts_timeline_measured(const struct ts_timeline *timeline, size_t column,
			  enum ts_family_id family);

#endif
