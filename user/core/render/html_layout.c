// SPDX-License-Identifier: GPL-2.0-only
/* Which charts there are, in which order, and which of them are open: a row each. */
#include "html_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"
#include "../arena.h"
#include "../histogram.h"

#define HEATMAPS_MAX   24 /* in the page */
#define HEATMAPS_OPEN  2  /* of one family at first sight */
#define HEATMAPS_MORE  4  /* of it behind <details> */
#define TABLE_ROWS_MAX 300
#define SHARE_ENOUGH   0.005 /* of its family's observations, for a series to be ranked by p99 */

enum section { CPU, BLOCK, TCP, MEMORY, SECTIONS };

static const struct {
	const char *anchor, *title;
} sections[SECTIONS] = {
	[CPU] = {"cpu", "CPU and scheduler"},
	[BLOCK] = {"block", "Block devices and writeback"},
	[TCP] = {"network", "Network"},
	[MEMORY] = {"memory", "Memory and files"},
};

struct row {
	enum section section;
	bool open;
	struct ts_html_lines chart; /* family and title; of a histogram only these two */
};

#define FAMILY(id) .family = TS_FAMILY_##id

static const struct row rows[] = {
	{CPU, true, {FAMILY(RUNQ_LATENCY), .title = "Run-queue latency"}},
	{CPU, false, {FAMILY(ONCPU_TIME), .title = "Time on the CPU"}},
	{CPU, false, {FAMILY(OFFCPU_TIME), .title = "Time off the CPU"}},
	{CPU,
	 true,
	 {FAMILY(CPU_TIME), "CPU busy, by mode", "mode",
	  ",user,nice,system,irq,softirq,steal,iowait,", TS_HTML_STACK}},
	{CPU, true, {FAMILY(PRESSURE), "Stalled for lack of CPU, memory, I/O (PSI)"}},
	{CPU, true, {FAMILY(CONTEXT_SWITCHES), "Context switches", "kind", NULL, TS_HTML_STACK}},
	{CPU, true, {FAMILY(TASKS), "Tasks running, and blocked on I/O", "state"}},
	{CPU, true, {FAMILY(CGROUP_THROTTLED), "Held back by a CPU quota"}},
	{CPU, false, {FAMILY(TASK_MIGRATIONS), "Moves between CPUs"}},
	{CPU, false, {FAMILY(CGROUP_PERIODS), "CPU quota periods"}},
	{CPU, false, {FAMILY(CGROUP_QUOTA), "CPU quotas, in CPUs"}},

	{BLOCK, true, {FAMILY(BLOCK_LATENCY), .title = "Block latency (queue and device)"}},
	{BLOCK,
	 true,
	 {FAMILY(DIRTY_THROTTLE_PAUSE), .title = "Pauses of writers (dirty throttling)"}},
	{BLOCK, false, {FAMILY(BLOCK_DEVICE_LATENCY), .title = "Block latency, device"}},
	{BLOCK, false, {FAMILY(BLOCK_QUEUE_LATENCY), .title = "Block latency, queue"}},
	{BLOCK, false, {FAMILY(BLOCK_IO_SIZE), .title = "Request size"}},
	{BLOCK, true, {FAMILY(DISK_BUSY), "Disk busy"}},
	{BLOCK, true, {FAMILY(DISK_REQUESTS), "Disk requests"}},
	{BLOCK, true, {FAMILY(DISK_BYTES), "Disk throughput"}},
	{BLOCK, true, {FAMILY(BLOCK_ERRORS), "Block errors"}},
	{BLOCK, false, {FAMILY(DISK_WEIGHTED), "Disk queue length"}},
	{BLOCK, false, {FAMILY(DISK_IN_FLIGHT), "Requests in flight"}},
	{BLOCK, false, {FAMILY(BLOCK_SEQUENTIAL), "Sequential requests"}},
	{BLOCK, false, {FAMILY(BLOCK_DEPTH_REQUESTS), "Requests by depth at issue"}},
	{BLOCK, false, {FAMILY(BLOCK_DEPTH_SECONDS), "Device time by depth at issue"}},
	{BLOCK, false, {FAMILY(BLOCK_READ_BESIDE_WRITES), "Reads by writes in flight"}},
	{BLOCK, false, {FAMILY(BLOCK_READ_BESIDE_SECONDS), "Read time by writes in flight"}},
	{BLOCK, false, {FAMILY(DIRTY_THROTTLE_SPAN), "Writers being throttled"}},
	{BLOCK, false, {FAMILY(DIRTY_THROTTLE_BUSY), "Device busy while writers are throttled"}},

	{TCP, true, {FAMILY(TCP_CONNECT_LATENCY), .title = "TCP connect latency"}},
	{TCP,
	 true,
	 {FAMILY(TCP_LIVE_SMOOTHED_RTT), .title = "TCP round-trip time, live connections"}},
	{TCP, false, {FAMILY(TCP_SMOOTHED_RTT), .title = "TCP round-trip time, ended connections"}},
	{TCP,
	 false,
	 {FAMILY(TCP_LIVE_MINIMUM_RTT), .title = "TCP minimum round-trip time, live connections"}},
	{TCP,
	 false,
	 {FAMILY(TCP_MINIMUM_RTT), .title = "TCP minimum round-trip time, ended connections"}},
	{TCP,
	 true,
	 {FAMILY(TCP_RETRANSMITS), "TCP retransmissions, by cause", "cause", NULL, TS_HTML_STACK}},
	{TCP, true, {FAMILY(TCP_RESETS), "TCP resets", "direction"}},
	{TCP, true, {FAMILY(TCP_LISTENER_DROPS), "Connection attempts dropped by listeners"}},
	{TCP, true, {FAMILY(TCP_ACCEPT_QUEUE_PEAK), "Accept queue, peak"}},
	{TCP, true, {FAMILY(TCP_CONNECT_FAILURES), "Outbound connects that failed", "reason"}},
	{TCP,
	 true,
	 {FAMILY(SOFTNET), "Packet input: drops and squeezes", "event",
	  ",dropped,time-squeeze,flow-limit,"}},
	{TCP, true, {FAMILY(SOCKETS_IN_USE), "TCP sockets", "kind"}},
	{TCP,
	 true,
	 {FAMILY(TCP_RECEIVED), "TCP bytes received, by what bounded the window", "limit", NULL,
	  TS_HTML_STACK}},
	{TCP,
	 true,
	 {FAMILY(TCP_SENT), "TCP bytes sent, by what bounded the sender", "limit", NULL,
	  TS_HTML_STACK}},
	{TCP, true, {FAMILY(TCP_LOCAL_PORTS), "Local ports held, by state (largest)", "state"}},
	{TCP, false, {FAMILY(TCP_CONNECTIONS), "TCP connections that ended"}},
	{TCP, false, {FAMILY(TCP_CONNECTION_BYTES), "Payload of ended connections"}},
	{TCP, false, {FAMILY(TCP_CONNECTION_SEGMENTS), "Segments of ended connections"}},
	{TCP, false, {FAMILY(TCP_LISTENER_BACKLOG), "Accept queue, limit"}},
	{TCP, false, {FAMILY(TCP_ACCEPT_QUEUE), "Accept queue at the moment of the snapshot"}},
	{TCP, false, {FAMILY(TCP_ACCEPT_QUEUE_SAMPLES), "Samples of the accept queue", "state"}},
	{TCP, false, {FAMILY(TCP_ACCEPT_QUEUE_FULL), "Accept queue full, longest stretch"}},
	{TCP, false, {FAMILY(TCP_LISTENER_BURST), "Most drops between two samples"}},
	{TCP, false, {FAMILY(TCP_SYN_QUEUE_PEAK), "Handshakes in progress, peak"}},
	{TCP, false, {FAMILY(TCP_RECEIVE_WINDOW), "Receive window, largest"}},
	{TCP, false, {FAMILY(TCP_RECEIVE_BUFFER), "Receive buffer, largest"}},
	{TCP,
	 false,
	 {FAMILY(TCP_RECEIVE_IN_FLIGHT), "Receive rate times round-trip time, largest"}},
	{TCP, false, {FAMILY(TCP_RECEIVE_RTT), "Receiver-side round-trip time, mean by bytes"}},
	{TCP, false, {FAMILY(TCP_RECEIVE_CONNECTIONS), "Connections sampled"}},
	{TCP, false, {FAMILY(TCP_WRITE_AHEAD), "Written ahead of what is sent, longest", "writes"}},
	{TCP, false, {FAMILY(TCP_WRITE_AHEAD_BYTES), "Written ahead of what is sent", "writes"}},
	{TCP,
	 false,
	 {FAMILY(TCP_WRITE_AHEAD_SAMPLES), "Samples that found writing ahead", "writes"}},
	{TCP, false, {FAMILY(TCP_MEMORY), "Memory of all TCP sockets", "kind", ",held,"}},
	{TCP, false, {FAMILY(TCP_SEND_WINDOW), "Window the other side offers, largest"}},
	{TCP, false, {FAMILY(TCP_SEND_BUFFER), "Send buffer, largest"}},
	{TCP, false, {FAMILY(TCP_SEND_IN_FLIGHT), "Send rate times round-trip time, largest"}},
	{TCP, false, {FAMILY(TCP_SEND_RTT), "Sender-side round-trip time, mean by bytes"}},
	{TCP, false, {FAMILY(TCP_UNSENT), "Bytes written and not yet sent, most"}},
	{TCP, false, {FAMILY(TCP_SEND_CONNECTIONS), "Connections sampled that send"}},
	{TCP, false, {FAMILY(NETWORK_COUNTERS), "Network counters", "counter"}},
	{TCP,
	 false,
	 {FAMILY(SOFTNET), "Packet input: packets", "event", ",processed,received-rps,"}},
	{TCP, false, {FAMILY(SOFTNET_BURST), "Most backlog drops between two samples"}},
	{TCP, false, {FAMILY(SOFTNET_BUSY), "CPU time around backlog drops"}},

	{MEMORY, true, {FAMILY(MEMORY), "Memory", "kind", ",total,free,available,cached,"}},
	{MEMORY,
	 true,
	 {FAMILY(MEMORY), "Dirty pages and their limits", "kind",
	  ",dirty,writeback,dirty-limit,dirty-background-limit,"}},
	{MEMORY, false, {FAMILY(MEMORY), "Swap", "kind", ",swap-total,swap-free,"}},
	{MEMORY, false, {FAMILY(VM_EVENTS), "Virtual memory events", "event"}},
	{MEMORY, false, {FAMILY(FILE_HANDLES), "Open file handles", "kind"}},
};
#define ROWS (sizeof rows / sizeof rows[0])

static bool is_heat(const struct row *row)
{
	return ts_families[row->chart.family].kind == TS_KIND_HISTOGRAM;
}

/* --- the series of a histogram family, worst first */

struct ranked {
	const struct ts_track *track;
	double p99, count;
	bool enough;
};

static int slower(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->enough != y->enough)
		return x->enough ? -1 : 1;
	return x->p99 == y->p99 ? 0 : x->p99 > y->p99 ? -1 : 1;
}

/* The one with most observations, then by p99 those that have enough of them for that to matter. */
static size_t rank(const struct ts_html *html, enum ts_family_id family, struct ranked **ranked)
{
	size_t count = 0, most = 0;
	double total = 0;
	struct ranked *r =
		ts_arena_alloc(html->arena, (html->timeline->tracks[family] + 1) * sizeof *r);

	for (const struct ts_track *t = html->timeline->track[family]; t; t = t->next) {
		if (!t->all || !t->all->count)
			continue;
		r[count++] = (struct ranked){t, ts_histogram_quantile(t->all, 0.99),
					     (double)t->all->count, false};
		total += (double)t->all->count;
	}
	for (size_t i = 0; i < count; i++)
		r[i].enough = r[i].count >= 100 && r[i].count >= SHARE_ENOUGH * total;
	qsort(r, count, sizeof *r, slower);
	for (size_t i = 1; i < count; i++)
		if (r[i].count > r[most].count)
			most = i;
	if (most > 0) {
		struct ranked moved = r[most];

		memmove(&r[1], &r[0], most * sizeof *r);
		r[0] = moved;
	}
	*ranked = r;
	return count;
}

static void heat_table(const struct ts_html *html, const struct row *row,
		       const struct ranked *ranked, size_t count)
{
	const char *unit = ts_families[row->chart.family].unit == TS_UNIT_BYTES ? "B" : "s";

	ts_html_put(html,
		    "<details class=\"bulk\"><summary>Table: %s (%zu)</summary><div "
		    "class=\"table\"><table><tr>"
		    "<th>series</th><th class=\"n\">count</th><th class=\"n\">p50</th><th "
		    "class=\"n\">p95</th><th class=\"n\">p99</th><th class=\"n\">max</th></tr>\n",
		    ts_html_safe(html, row->chart.title), count);
	for (size_t i = 0; i < count && i < TABLE_ROWS_MAX; i++) {
		const struct ts_track *t = ranked[i].track;

		ts_html_put(
			html,
			"<tr><td class=\"w\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td class=\"n\">%s</td><td "
			"class=\"n\">%s%s</td></tr>\n",
			ts_html_safe(html, ts_html_labels(html, t->family, t->label)),
			ts_human_number(html->arena, ranked[i].count),
			ts_html_value(html, ts_histogram_quantile(t->all, 0.5), unit),
			ts_html_value(html, ts_histogram_quantile(t->all, 0.95), unit),
			ts_html_value(html, ranked[i].p99, unit),
			t->all->max_is_bound ? "below " : "",
			ts_html_value(html, ts_histogram_max(t->all), unit));
	}
	ts_html_put(html, "</table></div>%s</details>\n",
		    count > TABLE_ROWS_MAX ? "<p class=\"dim\">The rest is left out here; "
					     "<code>tunescope dump</code> has it.</p>"
					   : "");
}

static void heat_series(struct ts_html *html, const struct row *row, const struct ranked *ranked,
			size_t from, size_t to)
{
	ts_html_put(html, "<div class=\"charts heat\">\n");
	for (size_t i = from; i < to; i++)
		ts_html_heatmap(html, ranked[i].track, row->chart.title);
	ts_html_put(html, "</div>\n");
}

static bool heat_family(struct ts_html *html, const struct row *row)
{
	struct ranked *ranked;
	size_t count = rank(html, row->chart.family, &ranked), open, end;
	size_t room = html->heatmaps < HEATMAPS_MAX ? HEATMAPS_MAX - html->heatmaps : 0;
	size_t more = row->open ? HEATMAPS_MORE : 0;

	if (!count)
		return false;
	/* The first always; another one when there is something to see. */
	open = count < HEATMAPS_OPEN || !ranked[1].enough ? 1 : HEATMAPS_OPEN;
	open = open < room ? open : room;
	end = open + more < count ? open + more : count;
	end = end < room ? end : room;
	if (open)
		heat_series(html, row, ranked, 0, open);
	if (end > open) {
		ts_html_put(html,
			    "<details class=\"bulk\"><summary>More series of: %s (%zu of "
			    "%zu)</summary>\n",
			    ts_html_safe(html, row->chart.title), end - open, count - open);
		heat_series(html, row, ranked, open, end);
		ts_html_put(html, "</details>\n");
	}
	if (ts_families[row->chart.family].labels || !open)
		heat_table(html, row, ranked, count);
	return true;
}

/* --- tables of what is not a histogram */

static void value_table(const struct ts_html *html, enum ts_family_id id)
{
	const struct ts_family *family = &ts_families[id];
	bool counter = family->kind == TS_KIND_COUNTER;
	const char *unit = family->unit == TS_UNIT_SECONDS ? "s"
			   : family->unit == TS_UNIT_BYTES ? "B"
							   : "";
	size_t shown = 0;

	ts_html_put(html,
		    "<details class=\"bulk\"><summary><code>%s</code> (%zu)</summary><p "
		    "class=\"dim\">%s</p><div "
		    "class=\"table\"><table><tr><th>series</th>%s<th class=\"n\">%smin</th><th "
		    "class=\"n\">%smax</th></tr>\n",
		    family->name, html->timeline->tracks[id], ts_html_safe(html, family->meaning),
		    counter ? "<th class=\"n\">total</th>" : "", counter ? "rate, " : "",
		    counter ? "rate, " : "");
	for (const struct ts_track *t = html->timeline->track[id]; t; t = t->next) {
		double least = INFINITY, most = -INFINITY;
		const char *rate = counter ? family->unit == TS_UNIT_SECONDS ? "%"
					     : family->unit == TS_UNIT_BYTES ? "B/s"
									     : "/s"
					   : unit;
		double factor = *rate == '%' ? 100 : 1;

		if (shown++ == TABLE_ROWS_MAX)
			break;
		for (size_t i = 0; i < t->columns; i++) {
			if (!isfinite(t->value[i]))
				continue;
			least = fmin(least, t->value[i]);
			most = fmax(most, t->value[i]);
		}
		ts_html_put(html, "<tr><td class=\"w\">%s</td>",
			    ts_html_safe(html, ts_html_labels(html, id, t->label)));
		if (counter)
			ts_html_put(html, "<td class=\"n\">%s</td>",
				    ts_html_value(html, t->total, unit));
		ts_html_put(html, "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
			    ts_html_value(html, least * factor, rate),
			    ts_html_value(html, most * factor, rate));
	}
	ts_html_put(html, "</table></div>%s</details>\n",
		    shown > TABLE_ROWS_MAX ? "<p class=\"dim\">The rest is left out here; "
					     "<code>tunescope dump</code> has it.</p>"
					   : "");
}

/* Each family once, though it may have several charts. */
static bool first_row_of(size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (rows[i].chart.family == rows[row].chart.family)
			return false;
	return true;
}

static void section_tables(const struct ts_html *html, enum section section)
{
	ts_html_put(html, "<details class=\"bulk\"><summary>All series in tables</summary>\n");
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].section == section && !is_heat(&rows[i]) && first_row_of(i) &&
		    html->timeline->tracks[rows[i].chart.family])
			value_table(html, rows[i].chart.family);
	ts_html_put(html, "</details>\n");
}

static bool any_heat(const struct ts_html *html, enum section section, bool open)
{
	for (size_t i = 0; i < ROWS; i++)
		for (const struct ts_track *t = html->timeline->track[rows[i].chart.family]; t;
		     t = t->next)
			if (rows[i].section == section && rows[i].open == open &&
			    is_heat(&rows[i]) && t->all && t->all->count)
				return true;
	return false;
}

static bool any_value(const struct ts_html *html, enum section section, bool open)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].section == section && rows[i].open == open && !is_heat(&rows[i]) &&
		    html->timeline->tracks[rows[i].chart.family])
			return true;
	return false;
}

/* Measured somewhere in the recording. */
static bool ever_measured(const struct ts_html *html, enum ts_family_id family)
{
	for (size_t i = 0; i < html->timeline->columns; i++)
		if (ts_timeline_measured(html->timeline, i, family))
			return true;
	return false;
}

/* Charts of the section; titles of those that would be empty are collected in quiet. */
static void section_charts(struct ts_html *html, enum section section, bool open,
			   const char **quiet)
{
	bool drawn[ROWS] = {false};

	if (any_heat(html, section, open))
		for (size_t i = 0; i < ROWS; i++)
			if (rows[i].section == section && rows[i].open == open && is_heat(&rows[i]))
				drawn[i] = heat_family(html, &rows[i]);
	if (any_value(html, section, open)) {
		ts_html_put(html, "<div class=\"charts\">\n");
		for (size_t i = 0; i < ROWS; i++)
			if (rows[i].section == section && rows[i].open == open &&
			    !is_heat(&rows[i]))
				drawn[i] = ts_html_lines(html, &rows[i].chart);
		ts_html_put(html, "</div>\n");
	}
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].section == section && rows[i].open == open && !drawn[i] &&
		    ever_measured(html, rows[i].chart.family))
			*quiet = ts_html_text(html, "%s%s%s", *quiet, **quiet ? "; " : "",
					      rows[i].chart.title);
}

void ts_html_sections(struct ts_html *html)
{
	for (int section = 0; section < SECTIONS; section++) {
		const char *quiet = "";

		ts_html_put(html, "<section id=\"%s\"><h2>%s</h2>\n", sections[section].anchor,
			    sections[section].title);
		section_charts(html, section, true, &quiet);
		if (any_heat(html, section, false) || any_value(html, section, false)) {
			ts_html_put(
				html,
				"<details class=\"bulk\"><summary>More charts</summary>\n<div>");
			section_charts(html, section, false, &quiet);
			ts_html_put(html, "</div></details>\n");
		}
		section_tables(html, section);
		if (*quiet)
			ts_html_put(html,
				    "<details><summary>Measured, and nothing "
				    "happened</summary><p class=\"dim\">%s.</p></details>\n",
				    ts_html_safe(html, quiet));
		ts_html_put(html, "</section>\n");
	}
}
