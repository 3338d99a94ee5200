// SPDX-License-Identifier: GPL-2.0-only
/* max_sectors_kb: what programs and the page cache ask for at once is cut into small requests. */
#include "../rule.h"

#include <math.h>

enum { BUSY, SPLIT_SHARE, SPLITS };

#define KIB	    1024.0
#define DEFAULT_KIB 1280.0 /* what the kernel gives at most, unless the device asks for more */

struct sizes {
	const char *name, *op;
	double busy;
	double splits, requests, size;
	double limit, most; /* KiB; NAN: not read */
};

static struct sizes measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *w = context->window;
	const char *device = s->label[0];
	struct ts_histogram *size = ts_window_histogram(w, TS_FAMILY_BLOCK_IO_SIZE, s->label);

	return (struct sizes){
		.name = device,
		.op = s->label[1],
		.busy = ts_window_seconds(w, TS_FAMILY_DISK_BUSY, TS_LABELS(device)) / w->seconds,
		.splits = (double)s->counter,
		.requests = size ? (double)size->count : 0,
		.size = size && size->count ? ts_histogram_mean(size) : NAN,
		.limit = ts_window_setting_number(w, TS_SETTING_BLOCK_MAX_SECTORS, device, 0, NAN),
		.most = ts_window_setting_number(w, TS_SETTING_BLOCK_HARDWARE_SECTORS, device, 0,
						 NAN),
	};
}

static void larger_requests(struct ts_rule_context *context, const struct sizes *z)
{
	const char *const labels[TS_LABELS_MAX] = {z->name, z->op};
	double wanted = fmin(z->most, DEFAULT_KIB);
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);

	ts_finding_propose(context, f, TS_SETTING_BLOCK_MAX_SECTORS, z->name,
			   ts_text(context, "%.0f", wanted));
	ts_finding_identify(context, f, ts_settings[TS_SETTING_BLOCK_MAX_SECTORS].name, "port");
	f->title = ts_text(context, "Requests to %s are cut into pieces of %.0f KiB", z->name,
			   z->limit);
	f->computed = ts_text(context,
			      "%.0f %% of the requests were cut off a larger one; %.0f KiB is what "
			      "the kernel gives a device that takes %.0f KiB",
			      100 * fmin(z->splits / z->requests, 1), wanted, z->most);
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

	ts_for_each_series (s, context->window, TS_FAMILY_BLOCK_SPLITS) {
		struct sizes z = measure(context, s);

		/* A limit in segments cuts, too: then they are smaller than this one. */
		if (ts_rule_is_other(s) || z.busy < context->threshold[BUSY] ||
		    z.splits < context->threshold[SPLITS] ||
		    z.splits < context->threshold[SPLIT_SHARE] * z.requests ||
		    !(z.limit < fmin(z.most, DEFAULT_KIB) / 2) || !(z.size >= 0.7 * KIB * z.limit))
			continue;
		if (z.busy * z.splits > worst.busy * worst.splits)
			worst = z;
	}
	if (worst.splits > 0) {
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
		"gives this device by default.\n"
		"Acquits it: requests that were asked for in that size; pieces that are smaller "
		"(a limit of the device in segments); a limit that the driver itself sets.\n"
		"A large request holds up small ones behind it for as long as it takes.\n"
		"Source: bio_split_rw(), blk_set_default_limits(); "
		"Documentation/ABI/stable/sysfs-block.",
};
