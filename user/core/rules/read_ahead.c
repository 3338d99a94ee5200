// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads that wait for the device one after the other: read_ahead_kb too small for a stream or too
 * large for random page faults, or a reader that asks for one thing at a time.
 */
#include "cgroup_io.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { BUSY, BUSY_BESIDE, SEQUENTIAL, RANDOM, FLAT, READS, LATENCY };

#define PAGE		4096.0
#define KIB		1024.0
#define STREAM_LEAST	512.0  /* KiB */
#define STREAM_MOST	4096.0 /* KiB; each stream may hold twice that */
#define STREAM_RATE	2e9    /* bytes a second that a fast device can move */
#define FAULT_KIB	8.0    /* a page, and one beside it */
#define LARGE_FAULT_KIB 32.0   /* read-ahead up to this costs a page fault little */
#define ONE_AT_A_TIME	1.3    /* mean requests in flight */
#define ALONE		1.1    /* the same, where nothing is asked for ahead */
#define SEVERAL_PAGES	16.0   /* KiB */
#define FEW_STREAMS	3.0
#define CPUS_FULL	0.5 /* of the window some task waits for a CPU */
#define WAITED_FOR	0.3 /* of the time the device is busy some task waits for a disk */
#define DEPTH_SAMPLES	20
#define WRITEBACK	0.2 /* of what the device writes, out of the page cache */
#define FLUSHED		0.2 /* flushes for each write, from which on programs wait for them */

struct reads {
	const char *name;
	double busy, in_flight;
	double requests, all; /* reads, requests of all operations */
	double mean;	      /* seconds in the device */
	double size;	      /* mean bytes of a read into the page cache */
	double buffered, sequential, other;
	double faults;		   /* major page faults of the host */
	double ahead;		   /* read_ahead_kb; NAN: not read */
	double writes, write_mean; /* requests; seconds until they are safe, flushes included */
	double writes_alone;	   /* of them, with no other request in flight */
	double flushes;
	double written, writeback; /* bytes; those out of the page cache are of the host */
	/* Device latency of reads alone, and beside one more. */
	double alone, beside;
	__u64 alone_samples, beside_samples;
};

static double mean_at(const struct ts_rule_context *context, const char *device, const char *depth,
		      __u64 *samples)
{
	const char *const labels[TS_LABELS_MAX] = {device, "read", depth};

	*samples = ts_window_counter(context->window, TS_FAMILY_BLOCK_DEPTH_REQUESTS, labels);
	return *samples
		       ? ts_window_seconds(context->window, TS_FAMILY_BLOCK_DEPTH_SECONDS, labels) /
				 (double)*samples
		       : NAN;
}

static struct reads measure(const struct ts_rule_context *context, const char *name)
{
	const struct ts_window *w = context->window;
	const char *const labels[TS_LABELS_MAX] = {name};
	const char *const read[TS_LABELS_MAX] = {name, "read"};
	double busy = ts_window_seconds(w, TS_FAMILY_DISK_BUSY, labels);
	const char *const write[TS_LABELS_MAX] = {name, "write"};
	const char *const flush[TS_LABELS_MAX] = {name, "flush"};
	const char *const write_alone[TS_LABELS_MAX] = {name, "write", "1"};
	double bytes = (double)ts_window_counter(w, TS_FAMILY_BLOCK_BUFFERED_BYTES, labels);
	struct reads r = {
		.name = name,
		.busy = busy / w->seconds,
		.all = (double)ts_window_counter(w, TS_FAMILY_DISK_REQUESTS, labels),
		.requests = (double)ts_window_counter(w, TS_FAMILY_BLOCK_DEPTH_REQUESTS, read),
		.sequential = (double)ts_window_counter(w, TS_FAMILY_BLOCK_BUFFERED_READS,
							TS_LABELS(name, "sequential")),
		.other = (double)ts_window_counter(w, TS_FAMILY_BLOCK_BUFFERED_READS,
						   TS_LABELS(name, "other")),
		.faults =
			(double)ts_window_counter(w, TS_FAMILY_VM_EVENTS, TS_LABELS("pgmajfault")),
		.ahead = ts_window_setting_number(w, TS_SETTING_BLOCK_READ_AHEAD, name, 0, NAN),
		.writes = (double)ts_window_counter(w, TS_FAMILY_BLOCK_DEPTH_REQUESTS, write),
		.writes_alone =
			(double)ts_window_counter(w, TS_FAMILY_BLOCK_DEPTH_REQUESTS, write_alone),
		.flushes = (double)ts_window_counter(w, TS_FAMILY_BLOCK_DEPTH_REQUESTS, flush),
		.written = (double)ts_window_counter(w, TS_FAMILY_DISK_BYTES, write),
		.writeback = PAGE * (double)ts_window_counter(w, TS_FAMILY_VM_EVENTS,
							      TS_LABELS("nr_written")),
	};

	r.buffered = r.sequential + r.other;
	if (busy > 0)
		r.in_flight = ts_window_seconds(w, TS_FAMILY_DISK_WEIGHTED, labels) / busy;
	if (r.requests > 0)
		r.mean = ts_window_seconds(w, TS_FAMILY_BLOCK_DEPTH_SECONDS, read) / r.requests;
	if (r.writes > 0)
		r.write_mean = (ts_window_seconds(w, TS_FAMILY_BLOCK_DEPTH_SECONDS, write) +
				ts_window_seconds(w, TS_FAMILY_BLOCK_DEPTH_SECONDS, flush)) /
			       r.writes;
	if (r.buffered > 0)
		r.size = bytes / r.buffered;
	r.alone = mean_at(context, name, "1", &r.alone_samples);
	r.beside = mean_at(context, name, "2", &r.beside_samples);
	return r;
}

static void add_evidence(struct ts_rule_context *context, struct ts_finding *f,
			 const struct reads *r)
{
	const char *const labels[TS_LABELS_MAX] = {r->name};

	ts_finding_judged(context, f, TS_FAMILY_DISK_BUSY, labels, "time the device was busy",
			  100 * r->busy, "%", 1, 100 * context->threshold[BUSY]);
	ts_finding_evidence(context, f, TS_FAMILY_DISK_WEIGHTED, labels,
			    "mean number of requests in flight", r->in_flight, "requests",
			    (__u64)r->all);
	ts_finding_evidence(context, f, TS_FAMILY_BLOCK_DEPTH_SECONDS, labels,
			    "mean time a read took in the device", 1e3 * r->mean, "ms",
			    (__u64)r->requests);
	if (r->buffered > 0)
		ts_finding_evidence(context, f, TS_FAMILY_BLOCK_BUFFERED_BYTES, labels,
				    "mean size of a read into the page cache", r->size, "bytes",
				    (__u64)r->buffered);
	f->harm = r->mean * r->requests;
	f->harm_unit = "seconds spent on reads in the device";
	f->harm_seconds = fmin(f->harm, r->busy * context->window->seconds);
}

static struct ts_finding *propose(struct ts_rule_context *context, const struct reads *r,
				  double wanted)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_BLOCK_READ_AHEAD, r->name,
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, ts_settings[TS_SETTING_BLOCK_READ_AHEAD].name, "port");
	f->confidence = 0.8;
	add_evidence(context, f, r);
	return f;
}

static void not_a_setting(struct ts_rule_context *context, const struct reads *r, const char *cause,
			  enum ts_setting_id acquitted, const char *title, const char *remedy)
{
	struct ts_finding *f =
		ts_finding_device_cause(context, cause, ts_settings[acquitted].name, r->name);

	f->title = title;
	f->remedy = remedy;
	f->confidence = 0.8;
	add_evidence(context, f, r);
}

/* ---- A stream */

static bool is_stream(const struct ts_rule_context *context, const struct reads *r)
{
	return r->buffered >= context->threshold[READS] &&
	       r->buffered >= context->threshold[SEQUENTIAL] * r->requests &&
	       r->sequential >= context->threshold[SEQUENTIAL] * r->buffered &&
	       r->requests >= context->threshold[SEQUENTIAL] * r->all;
}

/*
 * Two windows that follow each other may become one request, and a program that asks for more than
 * a window gets that much at once, but nothing ahead of it.
 */
static bool is_as_large_as_ahead(const struct reads *r)
{
	return r->size >= 0.5 * KIB * r->ahead;
}

/*
 * A window of several pages is asked for in two parts, the second while the first is being read, so
 * that there are about two requests in flight. One alone is what the program itself asks for.
 */
static bool is_not_read_ahead(const struct reads *r)
{
	return r->ahead >= SEVERAL_PAGES && r->in_flight <= ALONE;
}

static double stream_value(const struct reads *r)
{
	return (double)ts_round_up_power_of_two(r->mean * STREAM_RATE / KIB, (__u64)STREAM_LEAST,
						(__u64)STREAM_MOST);
}

static void read_ahead_is_off(struct ts_rule_context *context, const struct reads *r)
{
	if (r->mean < context->threshold[LATENCY] || r->busy < context->threshold[BUSY])
		return;
	not_a_setting(
		context, r, "low-concurrency", TS_SETTING_BLOCK_READ_AHEAD,
		ts_text(context,
			"%s is read in sequence, one piece after the other, and nothing ahead: "
			"its reader does without",
			r->name),
		"With read-ahead in force a second request would be under way meanwhile. "
		"The program has switched it off (posix_fadvise(POSIX_FADV_RANDOM), "
		"madvise(MADV_RANDOM)), or takes longer over each piece than the device: no "
		"setting of the device changes that. Leave the advice away, or ask for "
		"larger pieces.");
}

static void judge_stream(struct ts_rule_context *context, const struct reads *r)
{
	double wanted = stream_value(r);
	bool known = r->alone_samples >= DEPTH_SAMPLES && r->beside_samples >= DEPTH_SAMPLES;
	struct ts_finding *f;

	if (is_not_read_ahead(r)) {
		read_ahead_is_off(context, r);
		return;
	}
	if (!is_as_large_as_ahead(r) || r->in_flight > FEW_STREAMS ||
	    wanted < 2 * fmax(r->ahead, r->size / KIB))
		return;
	if (known && r->beside > context->threshold[FLAT] * r->alone)
		return; /* what one more takes away from the other is bandwidth: there is no more */
	if (!known && r->in_flight > ONE_AT_A_TIME) {
		ts_rule_without_finding(
			context, TS_OUTCOME_INSUFFICIENT,
			"%s is read in sequence with %.1f requests in flight all the time: whether "
			"larger ones would be faster cannot be told; observe for at least %.0f s",
			r->name, r->in_flight, ceil(3 * context->window->seconds));
		return;
	}
	f = propose(context, r, wanted);
	f->title = ts_text(context,
			   "A sequential reader of %s waits for one small request after the other: "
			   "read-ahead is only %.0f KiB",
			   r->name, r->ahead);
	f->computed = ts_text(
		context,
		"a read of %s takes %.2f ms; in that time a fast device moves %.0f KiB, rounded up "
		"to a power of two between %.0f and %.0f KiB",
		ts_rule_bytes_text(context, r->size), 1e3 * r->mean, r->mean * STREAM_RATE / KIB,
		STREAM_LEAST, STREAM_MOST);
	f->expect = ts_text(context,
			    "fewer, larger requests: up to %.0f times as much each second, as far "
			    "as the device can move it",
			    KIB * wanted / r->size);
	f->remedy = "It acts on files (and devices) opened afterwards.";
}

/* ---- Page faults */

/*
 * Each fault reads the whole window around it, and the next one is somewhere else. What of a large
 * window does not go into one request follows it at once; more than a window for each is a stream.
 */
static bool is_faulting(const struct ts_rule_context *context, const struct reads *r)
{
	double windows = r->size * r->buffered / KIB / r->ahead;

	return r->other >= context->threshold[READS] && r->faults >= 0.5 * r->other &&
	       r->faults <= 1.5 * r->other && windows >= 0.5 * r->other &&
	       windows <= 1.5 * r->other && r->ahead >= LARGE_FAULT_KIB;
}

static void smaller_ahead(struct ts_rule_context *context, const struct reads *r)
{
	double per_fault = r->size * r->buffered / r->other;
	struct ts_finding *f = propose(context, r, FAULT_KIB);

	f->title = ts_text(context,
			   "Each page fault reads %s from %s, and the next one is somewhere else",
			   ts_rule_bytes_text(context, per_fault), r->name);
	f->computed = ts_text(context,
			      "a fault needs one page; with the one beside it %.0f KiB, where %.0f "
			      "KiB are read now",
			      FAULT_KIB, r->ahead);
	f->expect = ts_text(context, "%.0f times fewer bytes read for the same page faults",
			    per_fault / KIB / FAULT_KIB);
	f->remedy = "Sequential readers of the same device need more; a program can ask for random "
		    "access itself (madvise(MADV_RANDOM)) instead.";
	ts_finding_evidence(context, f, TS_FAMILY_VM_EVENTS, TS_LABELS("pgmajfault"),
			    "page faults that waited for a read", r->faults, "faults",
			    (__u64)r->faults);
}

/* ---- Not a setting */

static bool is_one_at_a_time(const struct ts_rule_context *context, const struct reads *r)
{
	return r->in_flight <= ONE_AT_A_TIME && r->requests >= context->threshold[READS] &&
	       r->requests >= context->threshold[SEQUENTIAL] * r->all &&
	       r->mean >= context->threshold[LATENCY];
}

/*
 * What is written back out of the page cache nobody waits for, unless the device is told to make it
 * safe again and again: that is O_SYNC, or fsync() after each write. (A flush is counted among the
 * writes of diskstats, as is the write that it is for.)
 */
static bool is_one_write_at_a_time(const struct ts_rule_context *context, const struct reads *r)
{
	return r->writes_alone >= context->threshold[SEQUENTIAL] * r->writes &&
	       r->writes >= context->threshold[READS] &&
	       r->writes >= context->threshold[SEQUENTIAL] * (r->writes + r->requests) &&
	       r->write_mean >= context->threshold[LATENCY] && r->written > 0 &&
	       (r->writeback <= WRITEBACK * r->written || r->flushes >= FLUSHED * r->writes);
}

static void one_write_at_a_time(struct ts_rule_context *context, const struct reads *r)
{
	const char *const labels[TS_LABELS_MAX] = {r->name, "write"};
	struct ts_finding *f =
		ts_finding_device_cause(context, "low-concurrency",
					ts_settings[TS_SETTING_BLOCK_NR_REQUESTS].name, r->name);

	f->title = ts_text(context,
			   "Writes to %s are asked for one at a time: each waits for the one "
			   "before it",
			   r->name);
	f->remedy = "The queue is empty but for this one request, which a program waits for (past "
		    "the page cache, with O_SYNC, or with fsync() after each): no setting of the "
		    "device makes it faster. Ask for several writes at a time (more threads, "
		    "asynchronous I/O), for larger ones, or for one fsync() after many.";
	f->confidence = 0.8;
	ts_finding_judged(context, f, TS_FAMILY_DISK_BUSY, TS_LABELS(r->name),
			  "time the device was busy", 100 * r->busy, "%", 1,
			  100 * context->threshold[BUSY]);
	ts_finding_judged(context, f, TS_FAMILY_DISK_WEIGHTED, TS_LABELS(r->name),
			  "mean number of requests in flight", r->in_flight, "requests",
			  (__u64)r->all, ONE_AT_A_TIME);
	ts_finding_judged(context, f, TS_FAMILY_BLOCK_DEPTH_SECONDS, labels,
			  "mean time a write took in the device, with the flush that goes with it",
			  1e3 * r->write_mean, "ms", (__u64)r->writes,
			  1e3 * context->threshold[LATENCY]);
	f->harm = r->write_mean * r->writes;
	f->harm_unit = "seconds spent on writes in the device";
	f->harm_seconds = fmin(f->harm, r->busy * context->window->seconds);
}

static void judge_others(struct ts_rule_context *context, const struct reads *r)
{
	if (is_one_write_at_a_time(context, r))
		one_write_at_a_time(context, r);
	if (!is_one_at_a_time(context, r))
		return;
	if (r->other >= context->threshold[RANDOM] * r->requests)
		not_a_setting(context, r, "random-access", TS_SETTING_BLOCK_READ_AHEAD,
			      ts_text(context,
				      "Reads from %s are random and wait for it one by one: there "
				      "is nothing to read ahead",
				      r->name),
			      "Read-ahead cannot know what is asked for next. Ask for several "
			      "things at a time (threads, asynchronous I/O, readahead() where the "
			      "places are known), keep more in memory, or use a device of lower "
			      "latency.");
	else if (r->buffered < (1 - context->threshold[RANDOM]) * r->requests)
		not_a_setting(context, r, "low-concurrency", TS_SETTING_BLOCK_NR_REQUESTS,
			      ts_text(context,
				      "Reads from %s are asked for one at a time: each waits for "
				      "the one before it",
				      r->name),
			      "The queue is empty but for this one request, and direct I/O is not "
			      "read ahead: no setting of the device makes it faster. Ask for "
			      "several reads at a time (more threads, asynchronous I/O), or for "
			      "larger ones.");
}

/*
 * Where programs wait for CPUs as well, the device rests meanwhile. That it is waited for then
 * shows in what the tasks say: a reader that keeps to a pace of its own finds its data there.
 */
static bool is_waited_for(const struct ts_rule_context *context, const struct reads *r)
{
	const struct ts_window *w = context->window;
	double cpus = ts_window_seconds(w, TS_FAMILY_PRESSURE, TS_LABELS("cpu", "some"));
	double disks = ts_window_seconds(w, TS_FAMILY_PRESSURE, TS_LABELS("io", "some"));

	if (r->busy >= context->threshold[BUSY])
		return true;
	return ts_rule_measured(context, TS_FAMILY_PRESSURE) &&
	       r->busy >= context->threshold[BUSY_BESIDE] && cpus >= CPUS_FULL * w->seconds &&
	       disks >= WAITED_FOR * r->busy * w->seconds;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;

	ts_for_each_series (s, context->window, TS_FAMILY_DISK_BUSY) {
		struct reads r;

		if (ts_rule_is_other(s))
			continue;
		r = measure(context, s->label[0]);
		most = fmax(most, r.busy);
		if (!is_waited_for(context, &r) || isnan(r.ahead) ||
		    ts_cgroup_io_explains(context, r.name, "read"))
			continue;
		if (is_faulting(context, &r))
			smaller_ahead(context, &r);
		else if (is_stream(context, &r))
			judge_stream(context, &r);
		else if (r.busy >= context->threshold[BUSY])
			judge_others(context, &r);
	}
	if (context->why)
		return context->outcome;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"no reader waits for a device that its read-ahead would serve better (the busiest "
		"one %.0f %% of the time)",
		100 * most);
}

const struct ts_rule ts_rule_read_ahead = {
	.id = "read-ahead",
	.title = "Read-ahead, and reads one at a time",
	.needs = {TS_FAMILY_DISK_BUSY, TS_FAMILY_DISK_WEIGHTED, TS_FAMILY_BLOCK_DEPTH_REQUESTS,
		  TS_FAMILY_BLOCK_DEPTH_SECONDS, TS_FAMILY_BLOCK_BUFFERED_READS,
		  TS_FAMILY_BLOCK_BUFFERED_BYTES, TS_FAMILY_VM_EVENTS, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_BLOCK_READ_AHEAD, TS_SETTING_COUNT},
	.thresholds =
		{[BUSY] = {"busy_share", 0.6, 0.01, 1, "share of the window",
			   "a device busy for less than this is left alone"},
		 [BUSY_BESIDE] =
			 {"busy_beside_cpu", 0.2, 0.01, 1, "share of the window",
			  "the same while tasks wait for CPUs as well, and for disks as long "
			  "as the device is busy"},
		 [SEQUENTIAL] = {"sequential_share", 0.8, 0.5, 1, "share of the reads",
				 "from this on it is read in sequence, by reads alone"},
		 [RANDOM] = {"random_share", 0.8, 0.5, 1, "share of the reads",
			     "from this on the reads into the page cache are random"},
		 [FLAT] = {"latency_flat", 1.2, 1, 10, "times",
			   "latency of a read beside another over that of one alone, up to which "
			   "the device could move more"},
		 [READS] = {"reads", 100, 10, 1e9, "reads", "reads needed to judge"},
		 [LATENCY] =
			 {"latency_seconds", 0.0005, 0.00001, 60, "seconds",
			  "reads one at a time that take less than this are not worth telling"}},
	.judge = judge,
	.explanation =
		"Reads into the page cache bring as much as read_ahead_kb allows: ahead of a "
		"sequential reader, and around a page fault in a mapped file.\n"
		"Convicts a small one: a device kept busy by sequential reads of about that size, "
		"one or two at a time, which take no longer beside another than alone: it is the "
		"latency of each request that is waited for.\n"
		"Convicts a large one: page faults that each read the whole of it, in places that "
		"have nothing to do with each other.\n"
		"Acquits it: reads that take longer the more of them are in flight (the bandwidth "
		"is used up), random reads of what was asked for and no more (random-access), "
		"direct I/O, which is not read ahead, one at a time (low-concurrency; of writes "
		"past the page cache, with O_SYNC or fsync() after each, too), a stream with one "
		"request in flight alone: its program has switched read-ahead off.\n"
		"A larger one costs memory for each stream, and time of the device where reads are "
		"random. It acts on files opened afterwards.\n"
		"Source: page_cache_ra_order(), do_sync_mmap_readahead(), file_ra_state_init(); "
		"Documentation/ABI/stable/sysfs-block.",
};
