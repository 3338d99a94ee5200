// SPDX-License-Identifier: GPL-2.0-only
/* max_sectors_kb: what programs and the page cache ask for at once is cut into small requests. */
#include "../rule.h"

#include <math.h>
#include <string.h>

enum { BUSY, SPLIT_SHARE, SPLITS };

#define KIB	    1024.0
#define DEFAULT_KIB 1280.0 /* what the kernel gives at most, unless the device asks for more */
#define EVEN_KIB    1024.0 /* just below: what is asked for in powers of two is cut evenly */
#define PAGE_BYTES  4096.0
#define NEARLY_ALL  0.95 /* of the limit: the mean size of requests that are put together */
#define SEQUENTIAL  0.8
#define WRITEBACK   0.8 /* of what the device writes, out of the page cache */

struct sizes {
	const char *name, *op;
	double busy;
	double splits, requests, size;
	double following, writeback; /* requests; bytes out of the page cache of the host */
	double limit, most;	     /* KiB; NAN: not read */
};

static struct sizes measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *w = context->window;
	const char *device = s->label[0];
	const struct ts_histogram *size = s->histogram;

	return (struct sizes){
		.name = device,
		.op = s->label[1],
		.busy = ts_window_seconds(w, TS_FAMILY_DISK_BUSY, TS_LABELS(device)) / w->seconds,
		.splits = (double)ts_window_counter(w, TS_FAMILY_BLOCK_SPLITS, s->label),
		.following = (double)ts_window_counter(w, TS_FAMILY_BLOCK_SEQUENTIAL, s->label),
		.writeback = PAGE_BYTES * (double)ts_window_counter(w, TS_FAMILY_VM_EVENTS,
								    TS_LABELS("nr_written")),
		.requests = size ? (double)size->count : 0,
		.size = size && size->count ? ts_histogram_mean(size) : NAN,
		.limit = ts_window_setting_number(w, TS_SETTING_BLOCK_MAX_SECTORS, device, 0, NAN),
		.most = ts_window_setting_number(w, TS_SETTING_BLOCK_HARDWARE_SECTORS, device, 0,
						 NAN),
	};
}

/* A limit in segments cuts, too: then they are smaller than this one. */
static bool is_cut(const struct ts_rule_context *context, const struct sizes *z)
{
	return z->splits >= context->threshold[SPLITS] &&
	       z->splits >= context->threshold[SPLIT_SHARE] * z->requests &&
	       z->size >= 0.7 * KIB * z->limit;
}

/*
 * Pages of a file that are written back one by one become requests of any size, as far as they may
 * be put together; nobody asked for this one.
 */
static bool is_full(const struct ts_rule_context *context, const struct sizes *z)
{
	return !strcmp(z->op, "write") && z->requests >= context->threshold[SPLITS] &&
	       z->size >= NEARLY_ALL * KIB * z->limit && z->following >= SEQUENTIAL * z->requests &&
	       z->writeback >= WRITEBACK * z->size * z->requests;
}

static void larger_requests(struct ts_rule_context *context, const struct sizes *z)
{
	const char *const labels[TS_LABELS_MAX] = {z->name, z->op};
	double wanted = fmin(z->most, EVEN_KIB);
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_BLOCK_MAX_SECTORS, z->name,
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, ts_settings[TS_SETTING_BLOCK_MAX_SECTORS].name, "port");
	f->title = ts_text(context, "Requests to %s are cut into pieces of %.0f KiB", z->name,
			   z->limit);
	f->computed = ts_text(
		context,
		"%s; %.0f KiB cut what is asked for in powers of two evenly, and the device takes "
		"%.0f KiB",
		is_cut(context, z)
			? ts_text(context, "%.0f %% of the requests were cut off a larger one",
				  100 * fmin(z->splits / z->requests, 1))
			: ts_text(context,
				  "what is written back out of the page cache follows on itself, "
				  "in requests of %.0f KiB, all that is allowed",
				  z->size / KIB),
		wanted, z->most);
	f->expect = ts_text(context, "up to %.0f times fewer requests for the same data",
			    wanted / z->limit);
	f->confidence = 0.8;
	ts_finding_judged(context, f, TS_FAMILY_BLOCK_SPLITS, labels, "pieces cut off", z->splits,
			  "pieces", (__u64)z->requests,
			  context->threshold[SPLIT_SHARE] * z->requests);
	ts_finding_evidence(context, f, TS_FAMILY_BLOCK_IO_SIZE, labels, "mean size of a request",
			    z->size, "bytes", (__u64)z->requests);
	ts_finding_judged(context, f, TS_FAMILY_DISK_BUSY, TS_LABELS(z->name),
			  "time the device was busy", 100 * z->busy, "%", 1,
			  100 * context->threshold[BUSY]);
	f->harm = z->busy * context->window->seconds;
	f->harm_unit = "seconds the device was busy with pieces";
	f->harm_seconds = f->harm;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct sizes worst = {0};

	ts_for_each_series (s, context->window, TS_FAMILY_BLOCK_IO_SIZE) {
		struct sizes z = measure(context, s);

		if (ts_rule_is_other(s) || z.busy < context->threshold[BUSY] ||
		    !(z.limit < fmin(z.most, DEFAULT_KIB) / 2) ||
		    (!is_cut(context, &z) && !is_full(context, &z)))
			continue;
		if (z.busy * z.requests > worst.busy * worst.requests)
			worst = z;
	}
	if (worst.requests > 0) {
		larger_requests(context, &worst);
		return TS_OUTCOME_QUIET;
	}
	return ts_rule_without_finding(context, TS_OUTCOME_QUIET,
				       "no busy device has its requests cut into small ones");
}

const struct ts_rule ts_rule_request_size = {
	.id = "request-size",
	.title = "Requests cut into small ones",
	.needs = {TS_FAMILY_DISK_BUSY, TS_FAMILY_BLOCK_SPLITS, TS_FAMILY_BLOCK_IO_SIZE,
		  TS_FAMILY_COUNT},
	.settings = {TS_SETTING_BLOCK_MAX_SECTORS, TS_SETTING_COUNT},
	.thresholds =
		{[BUSY] = {"busy_share", 0.5, 0.01, 1, "share of the window",
			   "a device busy for less than this is left alone"},
		 [SPLIT_SHARE] = {"split_share", 0.4, 0.01, 1, "share of the requests",
				  "requests cut off a larger one, from which on it is a symptom"},
		 [SPLITS] = {"splits", 100, 1, 1e9, "requests", "such requests needed to judge"}},
	.judge = judge,
	.explanation =
		"What is submitted to a block device is cut into requests of at most "
		"max_sectors_kb.\n"
		"Convicts it: a busy device whose requests are nearly as large as that, most of "
		"them cut off something larger, while the limit is below half of what the kernel "
		"gives this device by default. Or what it writes comes out of the page cache, in "
		"sequence, and every request is as large as the limit lets pages be put "
		"together.\n"
		"Acquits it: requests that were asked for in that size; pieces that are smaller "
		"(a limit of the device in segments); a limit that the driver itself sets.\n"
		"A large request holds up small ones behind it for as long as it takes.\n"
		"Source: bio_split_rw(), blk_set_default_limits(); "
		"Documentation/ABI/stable/sysfs-block.",
};
