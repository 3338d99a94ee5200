// SPDX-License-Identifier: GPL-2.0-only
/* Facts about the host and about tunescope itself, and the whole text. */
#include "openmetrics_parts.h"

#include <stdlib.h>
#include <string.h>

#define METRIC(variable, metric_name, metric_kind, metric_unit, metric_help)                       \
	static const struct ts_metric variable = {metric_name, TS_KIND_##metric_kind, metric_unit, \
						  metric_help}

/* clang-format off */
METRIC(build_info, "tunescope_build_info", GAUGE, "", "the version of tunescope; always 1");
METRIC(host_info, "tunescope_host_info", GAUGE, "", "the host that is measured; always 1");
METRIC(host_cpus, "tunescope_host_cpus", GAUGE, "", "CPUs online");
METRIC(netns_info, "tunescope_netns_info", GAUGE, "", "network namespaces: netns is the inode, name that in /run/netns, comm a process that lives there; always 1");
METRIC(setting_text, "tunescope_setting", GAUGE, "", "settings that are more than one number, with their value as a label; always 1");
METRIC(setting_value, "tunescope_setting_value", GAUGE, "", "settings that are one number, in the unit the kernel gives them");
METRIC(family_status, "tunescope_family_status", GAUGE, "", "whether a family is measured: ok, no-data (nothing has happened yet), disabled, unsupported, failed; always 1. Only what is ok or no-data may be read as zero when it is absent");
METRIC(overflowed, "tunescope_family_overflowed", COUNTER, "", "observations counted under the label value other, because the table of the family was full");
METRIC(left_out, "tunescope_left_out_series", GAUGE, "", "label sets of a family that --max-series left out of this text");
METRIC(facts_left_out, "tunescope_left_out_facts", GAUGE, "", "settings and network namespaces that --max-series left out of this text");
METRIC(process_cpu, "tunescope_process_cpu_seconds", COUNTER, "seconds", "user and system time of tunescope's own processes; that of its BPF programs is not in it");
METRIC(process_memory, "tunescope_process_resident_memory_bytes", GAUGE, "bytes", "resident memory of tunescope's own processes");
METRIC(process_peak, "tunescope_process_peak_resident_memory_bytes", GAUGE, "bytes", "largest resident memory of tunescope's own processes");
METRIC(map_bytes, "tunescope_bpf_map_bytes", GAUGE, "bytes", "kernel memory of the BPF maps");
METRIC(program_attached, "tunescope_bpf_program_attached", GAUGE, "", "1 for a BPF program that is attached, 0 for one that is not");
METRIC(program_instructions, "tunescope_bpf_program_instructions", GAUGE, "", "translated length of a BPF program in instructions");
METRIC(program_runs, "tunescope_bpf_program_runs", COUNTER, "", "runs of a BPF program while run-time statistics were on");
METRIC(program_time, "tunescope_bpf_program_run_seconds", COUNTER, "seconds", "time a BPF program ran while run-time statistics were on; divided by tunescope_bpf_statistics_seconds_total the share of one CPU");
METRIC(statistics_time, "tunescope_bpf_statistics_seconds", COUNTER, "seconds", "time for which tunescope had the kernel's BPF run-time statistics on (in short samples)");
METRIC(lost_events, "tunescope_lost_events", COUNTER, "", "events measured nowhere, because a table entry had been overwritten or the table was full");
METRIC(snapshots, "tunescope_snapshots", COUNTER, "", "snapshots taken");
METRIC(snapshot_time, "tunescope_snapshot_seconds", GAUGE, "seconds", "what taking this snapshot took");
METRIC(requests, "tunescope_http_requests", COUNTER, "", "HTTP requests answered, by status code");
METRIC(connections, "tunescope_http_connections", GAUGE, "", "HTTP connections open");
METRIC(cut_off, "tunescope_http_cut_off", COUNTER, "", "HTTP connections ended because their client was too slow");
/* clang-format on */

static void whole(const struct ts_metric_out *out, const struct ts_metric *metric, __u64 value)
{
	struct ts_metric_sample sample;

	ts_metric_header(out, metric);
	sample = ts_metric_begin(out, metric, "");
	ts_metric_whole(&sample, value);
}

static void seconds(const struct ts_metric_out *out, const struct ts_metric *metric, __u64 ns)
{
	struct ts_metric_sample sample;

	ts_metric_header(out, metric);
	sample = ts_metric_begin(out, metric, "");
	ts_metric_seconds(&sample, ns);
}

static void write_host(const struct ts_metric_out *out, const struct ts_host *host)
{
	struct ts_metric_sample sample;

	ts_metric_header(out, &build_info);
	sample = ts_metric_begin(out, &build_info, "");
	ts_metric_label(&sample, "version", host->tool_version);
	ts_metric_whole(&sample, 1);
	ts_metric_header(out, &host_info);
	sample = ts_metric_begin(out, &host_info, "");
	ts_metric_label(&sample, "hostname", host->hostname);
	ts_metric_label(&sample, "kernel", host->kernel);
	ts_metric_label(&sample, "machine", host->machine);
	ts_metric_label(&sample, "boot_id", host->boot_id);
	ts_metric_whole(&sample, 1);
	whole(out, &host_cpus, host->cpus);
}

static void write_netns(const struct ts_metric_out *out, const struct ts_snapshot *snapshot)
{
	if (!snapshot->netns_count)
		return;
	ts_metric_header(out, &netns_info);
	for (size_t i = 0; i < snapshot->netns_count; i++) {
		const struct ts_netns *netns = &snapshot->netns[i];
		struct ts_metric_sample sample = ts_metric_begin(out, &netns_info, "");

		ts_metric_label(&sample, "netns", netns->inode);
		ts_metric_label(&sample, "name", netns->name);
		ts_metric_label(&sample, "comm", netns->comm);
		ts_metric_label(&sample, "initial", netns->initial ? "true" : "");
		ts_metric_whole(&sample, 1);
	}
}

static bool is_number(const struct ts_setting_value *setting)
{
	return ts_settings[setting->id].arity == 1;
}

static void write_setting(const struct ts_metric_out *out, const struct ts_metric *metric,
			  const struct ts_setting_value *setting)
{
	enum ts_scope_kind scope = ts_settings[setting->id].scope;
	struct ts_metric_sample sample = ts_metric_begin(out, metric, "");

	ts_metric_label(&sample, "name", ts_settings[setting->id].name);
	ts_metric_label(&sample, "scope", ts_scope_name(scope));
	/* Under the key that families have, so that the two can be joined. */
	if (scope != TS_SCOPE_GLOBAL)
		ts_metric_label(&sample, ts_scope_name(scope), setting->scope);
	if (is_number(setting)) {
		ts_metric_number(&sample, strtod(setting->value, NULL));
		return;
	}
	ts_metric_label(&sample, "value", setting->value);
	ts_metric_whole(&sample, 1);
}

static void write_settings(const struct ts_metric_out *out, const struct ts_snapshot *snapshot,
			   const struct ts_metric *metric, bool numbers)
{
	bool any = false;

	for (size_t i = 0; i < snapshot->settings; i++) {
		const struct ts_setting_value *setting = &snapshot->setting[i];

		if (setting->status != TS_STATUS_OK || is_number(setting) != numbers)
			continue;
		if (!any)
			ts_metric_header(out, metric);
		any = true;
		write_setting(out, metric, setting);
	}
}

static void write_status(const struct ts_metric_out *out, const struct ts_snapshot *snapshot)
{
	ts_metric_header(out, &family_status);
	ts_for_each_family (id) {
		const struct ts_family_data *data = &snapshot->family[id];
		struct ts_metric_sample sample = ts_metric_begin(out, &family_status, "");

		ts_metric_label(&sample, "family", ts_families[id].name);
		ts_metric_label(&sample, "source", ts_source_names[ts_families[id].source]);
		ts_metric_label(&sample, "status", ts_status_name(data->status));
		ts_metric_label(&sample, "reason",
				data->status == TS_STATUS_NO_DATA ? "" : data->why);
		ts_metric_whole(&sample, 1);
	}
}

static void write_facts(const struct ts_metric_out *out, const struct ts_snapshot *snapshot)
{
	write_host(out, &snapshot->host);
	write_netns(out, snapshot);
	write_settings(out, snapshot, &setting_value, true);
	write_settings(out, snapshot, &setting_text, false);
	write_status(out, snapshot);
}

static void write_bounds(const struct ts_metric_out *out, const struct ts_openmetrics *what)
{
	struct ts_metric_sample sample;

	ts_metric_header(out, &overflowed);
	ts_for_each_family (id) {
		sample = ts_metric_begin(out, &overflowed, "");
		ts_metric_label(&sample, "family", ts_families[id].name);
		ts_metric_whole(&sample, what->snapshot->family[id].overflowed);
	}
	if (!what->limit)
		return;
	ts_metric_header(out, &left_out);
	ts_for_each_family (id) {
		sample = ts_metric_begin(out, &left_out, "");
		ts_metric_label(&sample, "family", ts_families[id].name);
		ts_metric_whole(&sample, ts_openmetrics_left_out(what->limit, id));
	}
	whole(out, &facts_left_out, ts_openmetrics_facts_left_out(what->limit));
}

static struct ts_metric_sample of_process(const struct ts_metric_out *out,
					  const struct ts_metric *metric, const char *process)
{
	struct ts_metric_sample sample = ts_metric_begin(out, metric, "");

	ts_metric_label(&sample, "process", process);
	return sample;
}

static void write_processes(const struct ts_metric_out *out, const struct ts_cost *cost,
			    const struct ts_openmetrics_server *server)
{
	struct ts_metric_sample sample;

	ts_metric_header(out, &process_cpu);
	sample = of_process(out, &process_cpu, "collector");
	ts_metric_seconds(&sample, cost->user_cpu_ns);
	if (server) {
		sample = of_process(out, &process_cpu, "http");
		ts_metric_seconds(&sample, server->cpu_ns);
	}
	ts_metric_header(out, &process_memory);
	sample = of_process(out, &process_memory, "collector");
	ts_metric_whole(&sample, cost->rss_bytes);
	if (server) {
		sample = of_process(out, &process_memory, "http");
		ts_metric_whole(&sample, server->rss_bytes);
	}
	ts_metric_header(out, &process_peak);
	sample = of_process(out, &process_peak, "collector");
	ts_metric_whole(&sample, cost->peak_rss_bytes);
}

/* One metric of all programs: value tells which number it is. */
static void write_programs(const struct ts_metric_out *out, const struct ts_cost *cost,
			   const struct ts_metric *metric,
			   __u64 (*value)(const struct ts_probe_cost *probe))
{
	ts_metric_header(out, metric);
	for (size_t i = 0; i < cost->probes; i++) {
		const struct ts_probe_cost *probe = &cost->probe[i];
		struct ts_metric_sample sample = ts_metric_begin(out, metric, "");

		ts_metric_label(&sample, "program", probe->name);
		ts_metric_label(&sample, "source", probe->source);
		ts_metric_label(&sample, "hook", probe->hook);
		if (*metric->unit)
			ts_metric_seconds(&sample, value(probe));
		else
			ts_metric_whole(&sample, value(probe));
	}
}

static __u64 attached(const struct ts_probe_cost *probe)
{
	return probe->status == TS_STATUS_OK;
}

static __u64 instructions(const struct ts_probe_cost *probe)
{
	return probe->instructions;
}

static __u64 runs(const struct ts_probe_cost *probe)
{
	return probe->run_count;
}

static __u64 run_ns(const struct ts_probe_cost *probe)
{
	return probe->run_ns;
}

static void write_server(const struct ts_metric_out *out,
			 const struct ts_openmetrics_server *server)
{
	ts_metric_header(out, &requests);
	for (size_t i = 0; i < TS_OPENMETRICS_CODES && server->code[i]; i++) {
		struct ts_metric_sample sample = ts_metric_begin(out, &requests, "");
		char text[16];

		snprintf(text, sizeof text, "%u", server->code[i]);
		ts_metric_label(&sample, "code", text);
		ts_metric_whole(&sample, server->requests[i]);
	}
	whole(out, &connections, server->connections);
	whole(out, &cut_off, server->cut_off);
}

static void write_cost(const struct ts_metric_out *out, const struct ts_openmetrics *what)
{
	const struct ts_cost *cost = &what->snapshot->cost;

	write_bounds(out, what);
	write_processes(out, cost, what->server);
	whole(out, &map_bytes, cost->map_bytes);
	write_programs(out, cost, &program_attached, attached);
	write_programs(out, cost, &program_instructions, instructions);
	write_programs(out, cost, &program_runs, runs);
	write_programs(out, cost, &program_time, run_ns);
	seconds(out, &statistics_time, cost->stats_ns);
	whole(out, &lost_events, cost->lost_events);
	if (what->snapshots)
		whole(out, &snapshots, what->snapshots);
	seconds(out, &snapshot_time, cost->snapshot_ns);
	if (what->server)
		write_server(out, what->server);
}

void ts_openmetrics_write(FILE *file, const struct ts_openmetrics *what)
{
	struct ts_metric_out out = {.file = file, .format = what->format};

	ts_for_each_family (id) {
		const struct ts_family_data *data = &what->snapshot->family[id];

		if (data->status != TS_STATUS_OK || !data->count)
			continue;
		ts_openmetrics_family_header(file, what->format, id);
		ts_openmetrics_family_samples(file, what->format, what->snapshot, id, 0);
	}
	write_facts(&out, what->snapshot);
	if (what->report)
		ts_openmetrics_write_findings(&out, what->report);
	write_cost(&out, what);
	ts_openmetrics_end(file, what->format);
}
