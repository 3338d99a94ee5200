// SPDX-License-Identifier: GPL-2.0-only
/* What rules build their findings with. The proposal of a setting is in propose.c. */
#include "rule.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"

const struct ts_rule *ts_rule_by_id(const char *id)
{
	for (size_t i = 0; i < ts_rules_count; i++)
		if (!strcmp(ts_rules[i]->id, id))
			return ts_rules[i];
	return NULL;
}

static const char *__attribute__((format(printf, 2, 0)))
print_text(struct ts_rule_context *context, const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return "";
	text = ts_arena_alloc(context->report->arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

const char *ts_text(struct ts_rule_context *context, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = print_text(context, format, arguments);
	va_end(arguments);
	return text;
}

enum ts_outcome ts_rule_without_finding(struct ts_rule_context *context, enum ts_outcome outcome,
					const char *format, ...)
{
	va_list arguments;

	if (context->why && ts_outcome_stronger(context->outcome, outcome) == context->outcome)
		return context->outcome;
	va_start(arguments, format);
	context->why = print_text(context, format, arguments);
	va_end(arguments);
	context->outcome = outcome;
	return outcome;
}

struct ts_finding *ts_finding_new(struct ts_rule_context *context, enum ts_outcome outcome)
{
	return ts_report_add_finding(context->report, context->rule->id, outcome);
}

struct ts_finding *ts_finding_cause(struct ts_rule_context *context, const char *cause,
				    const char *acquits)
{
	struct ts_finding *finding = ts_finding_new(context, TS_OUTCOME_NOT_A_SETTING);

	finding->cause = cause;
	finding->acquits = acquits;
	return finding;
}

struct ts_finding *ts_finding_device_cause(struct ts_rule_context *context, const char *cause,
					   const char *acquits, const char *device)
{
	struct ts_finding *finding = ts_finding_cause(context, cause, acquits);

	finding->scope = TS_SCOPE_DEVICE;
	finding->device = ts_arena_intern(context->report->arena, device);
	ts_finding_identify(context, finding, cause, "port");
	return finding;
}

static const char *with_scope(struct ts_rule_context *context, const char *id, const char *key,
			      const char *value)
{
	return *value ? ts_text(context, "%s/%s:%s", id, key, value) : id;
}

void ts_finding_identify(struct ts_rule_context *context, struct ts_finding *finding,
			 const char *what, const char *port_key)
{
	const char *id = ts_text(context, "%s/%s", context->rule->id, what);

	id = with_scope(context, id, "netns", finding->netns);
	id = with_scope(context, id, "device", finding->device);
	id = with_scope(context, id, "cgroup", finding->cgroup);
	finding->id = with_scope(context, id, port_key, finding->port);
}

struct ts_evidence *ts_finding_evidence(struct ts_rule_context *context, struct ts_finding *finding,
					enum ts_family_id family, const char *const *labels,
					const char *what, double value, const char *unit,
					__u64 samples)
{
	struct ts_arena *arena = context->report->arena;
	struct ts_evidence *evidence;

	finding->evidence = ts_arena_grow(arena, finding->evidence, finding->evidence_count,
					  &finding->evidence_capacity, sizeof *finding->evidence);
	evidence = &finding->evidence[finding->evidence_count++];
	*evidence = (struct ts_evidence){
		.family = family,
		.what = what,
		.value = value,
		.unit = unit,
		.samples = samples,
	};
	for (size_t i = 0; i < TS_LABELS_MAX; i++)
		evidence->label[i] = labels && labels[i] ? ts_arena_intern(arena, labels[i]) : "";
	return evidence;
}

void ts_finding_judged(struct ts_rule_context *context, struct ts_finding *finding,
		       enum ts_family_id family, const char *const *labels, const char *what,
		       double value, const char *unit, __u64 samples, double threshold)
{
	struct ts_evidence *evidence =
		ts_finding_evidence(context, finding, family, labels, what, value, unit, samples);

	evidence->has_threshold = true;
	evidence->threshold = threshold;
}

void ts_finding_sufferer(struct ts_rule_context *context, struct ts_finding *finding,
			 const struct ts_sufferer *sufferer)
{
	finding->sufferer =
		ts_arena_grow(context->report->arena, finding->sufferer, finding->sufferer_count,
			      &finding->sufferer_capacity, sizeof *finding->sufferer);
	finding->sufferer[finding->sufferer_count++] = *sufferer;
}

const char *ts_rule_netns_text(struct ts_rule_context *context, const char *inode)
{
	const struct ts_netns *netns = ts_window_netns(context->window, inode);

	if (netns && netns->initial)
		return "the initial network namespace";
	if (netns && *netns->name)
		return ts_text(context, "network namespace %s (%s)", netns->name, inode);
	return ts_text(context, "network namespace %s", inode);
}

const char *ts_rule_bytes_text(struct ts_rule_context *context, double bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
		bytes /= 1024;
		unit++;
	}
	return ts_text(context, "%.*f %s", unit && bytes < 10 ? 1 : 0, bytes, units[unit]);
}

double ts_rule_network_counter(const struct ts_rule_context *context, const char *netns,
			       const char *counter)
{
	return (double)ts_window_counter(context->window, TS_FAMILY_NETWORK_COUNTERS,
					 TS_LABELS(netns, counter));
}

bool ts_rule_measured(const struct ts_rule_context *context, enum ts_family_id id)
{
	return ts_window_measured(context->window, id);
}

bool ts_rule_is_other(const struct ts_series *series)
{
	return !strcmp(series->label[0], "other");
}

__u64 ts_round_up_power_of_two(double value, __u64 low, __u64 high)
{
	__u64 power = 1;

	while ((double)power < value && power < high && power < 1ULL << 62)
		power <<= 1;
	if (power < low)
		return low;
	return power > high ? high : power;
}

const char *ts_rule_service_text(struct ts_rule_context *context, const char *netns,
				 const char *side, const char *port)
{
	return ts_text(context, "%s %s in %s",
		       strcmp(side, "outbound") ? "port" : "connections to remote port", port,
		       ts_rule_netns_text(context, netns));
}

bool ts_rule_service_seen(const struct ts_window *window, enum ts_family_id family,
			  const struct ts_series *series)
{
	ts_for_each_series (s, window, family) {
		if (s == series)
			return false;
		if (ts_series_matches(
			    s, TS_LABELS(series->label[0], series->label[1], series->label[2])))
			return true;
	}
	return false;
}
