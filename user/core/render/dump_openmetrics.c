// SPDX-License-Identifier: GPL-2.0-only
#include "dump.h"

#include "openmetrics.h"

/* Only one family is to be added and printed: the others of a window are dropped. */
static void keep_only(struct ts_snapshot *delta, enum ts_family_id wanted)
{
	ts_for_each_family (id)
		if (id != (int)wanted)
			delta->family[id] = (struct ts_family_data){.why = ""};
	delta->sufferers = 0;
	delta->settings = 0;
	delta->netns_count = 0;
	delta->cost.probes = 0;
}

/* What adds up is shown as it grows, what was read at a moment as it was then. */
static bool adds_up(enum ts_family_id id)
{
	return ts_families[id].kind == TS_KIND_COUNTER || ts_families[id].kind == TS_KIND_HISTOGRAM;
}

static void family(const struct ts_dump *dump, enum ts_family_id id)
{
	struct ts_window sum = {0}, window;
	__u64 last_ms = 0;

	ts_openmetrics_family_header(dump->out, TS_OPENMETRICS_TEXT, id);
	for (size_t i = 0; ts_dump_window(dump, &i, &window); i++) {
		__u64 now = dump->recording->window[i].end_ns;
		const struct ts_snapshot *shown = window.delta;

		keep_only(window.delta, id);
		if (adds_up(id)) {
			ts_window_add(&sum, &window);
			shown = sum.delta;
		}
		/* A series can have one value at a time only, which counts in milliseconds. */
		if (now / 1000000 > last_ms)
			ts_openmetrics_family_samples(dump->out, TS_OPENMETRICS_TEXT, shown, id,
						      now);
		last_ms = now / 1000000;
		ts_window_free(&window);
	}
	ts_window_free(&sum);
}

void ts_dump_openmetrics(const struct ts_dump *dump)
{
	ts_for_each_family (id)
		if (dump->family[id])
			family(dump, (enum ts_family_id)id);
	ts_openmetrics_end(dump->out, TS_OPENMETRICS_TEXT);
}
