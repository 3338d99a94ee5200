// SPDX-License-Identifier: GPL-2.0-only
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define text(audit, ...) ts_arena_printf((audit)->report->arena, __VA_ARGS__)

#define LARGE_DEFAULT	 (16.0 * 1024 * 1024)
#define LARGE_READ_AHEAD 512 /* KiB; the kernel's own is 128 */
#define READS_LEAST	 200
#define RANDOM_BELOW	 0.3 /* share of reads that follow the one before */
#define STREAMING_ABOVE	 0.7
#define ROOM_SHARE	 0.5 /* of a table in use, up to which more is not needed */

const char *ts_audit_verdict_name(enum ts_audit_verdict verdict)
{
	static const char *const names[TS_AUDIT_VERDICTS] = {
		[TS_AUDIT_NEEDED] = "needed",		[TS_AUDIT_HARMFUL] = "harmful",
		[TS_AUDIT_UNNECESSARY] = "unnecessary", [TS_AUDIT_SET] = "set",
		[TS_AUDIT_UNKNOWN] = "unknown",
	};

	return names[verdict];
}

static void decide(struct ts_audit_item *item, enum ts_audit_verdict verdict, const char *why)
{
	item->verdict = verdict;
	item->why = why;
}

/* Numbers are equal whatever stands between them. */
static bool same_value(const char *a, const char *b)
{
	for (;;) {
		size_t length;

		a += strspn(a, " \t");
		b += strspn(b, " \t");
		length = strcspn(a, " \t");
		if (length != strcspn(b, " \t") || strncmp(a, b, length))
			return false;
		if (!length)
			return true;
		a += length;
		b += length;
	}
}

/* The last word of a path or of a sysctl, before any program. */
static const char *last_word(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* Row of the table of settings, by the guide's name; -1: none. */
static int setting_of(const struct ts_wanted *wanted)
{
	if (!strncmp(wanted->name, "/sys/block/", 11))
		return ts_setting_by_name(last_word(wanted->name));
	return ts_setting_by_name(wanted->name);
}

/* --- names that are gone */

static const struct {
	const char *name; /* the last word of a setting's */
	const char *old, *today;
} renamed[] = {
	{"scheduler", "deadline", "mq-deadline"},
	{"scheduler", "noop", "none"},
	{"scheduler", "cfq", "bfq"},
};

static const char *name_today(const struct ts_wanted *wanted)
{
	for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
		if (!strcmp(last_word(wanted->name), renamed[i].name) &&
		    !strcmp(wanted->value, renamed[i].old))
			return renamed[i].today;
	return wanted->value;
}

/* --- what is known about single settings beyond the rules; each may decide, or leave it */

static void check_default_buffer(struct ts_audit *audit, struct ts_audit_item *item)
{
	double bytes = strtod(item->asked, NULL);

	if (bytes >= LARGE_DEFAULT)
		decide(item, TS_AUDIT_HARMFUL,
		       text(audit,
			    "every socket, those of UDP and of unix as well, starts with this "
			    "limit: "
			    "one that nobody reads may hold %.0f MiB of kernel memory. Where a "
			    "service needs more, it asks for it (SO_RCVBUF, SO_SNDBUF, up to "
			    "rmem_max and wmem_max), and TCP grows by itself (tcp_rmem, tcp_wmem)",
			    bytes / 1048576));
}

static void check_read_ahead(struct ts_audit *audit, struct ts_audit_item *item)
{
	const struct ts_window *w = audit->report->window;
	const char *device = item->reading->scope;
	const struct ts_histogram *reads;
	double count, sequential;

	if (!ts_window_measured(w, TS_FAMILY_BLOCK_LATENCY) ||
	    !ts_window_measured(w, TS_FAMILY_BLOCK_SEQUENTIAL)) {
		decide(item, TS_AUDIT_UNKNOWN, "how this device is read was not measured");
		return;
	}
	reads = ts_window_histogram(w, TS_FAMILY_BLOCK_LATENCY, TS_LABELS(device, "read"));
	count = reads ? (double)reads->count : 0;
	sequential =
		(double)ts_window_counter(w, TS_FAMILY_BLOCK_SEQUENTIAL, TS_LABELS(device, "read"));
	if (count < READS_LEAST)
		decide(item, TS_AUDIT_UNKNOWN,
		       text(audit,
			    "%.0f reads in this window; at least %d are needed to tell how "
			    "the device is read",
			    count, READS_LEAST));
	else if (sequential < RANDOM_BELOW * count && strtod(item->asked, NULL) > LARGE_READ_AHEAD)
		decide(item, TS_AUDIT_HARMFUL,
		       text(audit,
			    "%.0f %% of %.0f reads did not follow the one before: each would bring "
			    "in up to %s KiB, of which most is thrown away",
			    100 * (1 - sequential / count), count, item->asked));
	else if (sequential <= STREAMING_ABOVE * count)
		decide(item, TS_AUDIT_UNNECESSARY,
		       text(audit, "%.0f %% of %.0f reads followed the one before: not a stream",
			    100 * sequential / count, count));
}

static void check_swappiness(struct ts_audit *audit, struct ts_audit_item *item)
{
	const struct ts_window *w = audit->report->window;
	__u64 in, out;

	if (!ts_window_measured(w, TS_FAMILY_VM_EVENTS))
		return;
	in = ts_window_counter(w, TS_FAMILY_VM_EVENTS, TS_LABELS("pswpin"));
	out = ts_window_counter(w, TS_FAMILY_VM_EVENTS, TS_LABELS("pswpout"));
	if (!in && !out)
		decide(item, TS_AUDIT_UNNECESSARY,
		       "no page was swapped in or out in this window (vm_events)");
}

static void check_file_handles(struct ts_audit *audit, struct ts_audit_item *item)
{
	const struct ts_window *w = audit->report->window;
	double used = ts_window_gauge(w, TS_FAMILY_FILE_HANDLES, TS_LABELS("allocated"), -1);
	double most = ts_window_gauge(w, TS_FAMILY_FILE_HANDLES, TS_LABELS("maximum"), -1);

	if (used >= 0 && most > 0 && used < ROOM_SHARE * most)
		decide(item, TS_AUDIT_UNNECESSARY,
		       text(audit, "%.0f of %.0f file handles are in use (%.2g %%)", used, most,
			    100 * used / most));
}

/* More is allowed already than the guide asks for. */
static void check_limit(struct ts_audit *audit, struct ts_audit_item *item)
{
	double now, asked;

	if (ts_value_limit(item->reading->value, &now) && ts_value_limit(item->asked, &asked) &&
	    now > asked)
		decide(item, TS_AUDIT_UNNECESSARY,
		       "this host allows more already: the guide's value would lower it");
}

struct check {
	const char *name;
	void (*check)(struct ts_audit *audit, struct ts_audit_item *item);
};

static const struct check before_rules[] = {
	{"net.core.rmem_default", check_default_buffer},
	{"net.core.wmem_default", check_default_buffer},
	{"read_ahead_kb", check_read_ahead},
};

/* Before the rules are asked: one that sees no need does not know what the guide would do. */
static const struct check limits[] = {
	{"fs.file-max", check_limit},
	{"fs.nr_open", check_limit},
	{"kernel.pid_max", check_limit},
	{"net.core.somaxconn", check_limit},
	{"net.core.rmem_max", check_limit},
	{"net.core.wmem_max", check_limit},
	{"net.core.netdev_max_backlog", check_limit},
	{"net.ipv4.tcp_max_syn_backlog", check_limit},
	{"net.ipv4.tcp_rmem", check_limit},
	{"net.ipv4.tcp_wmem", check_limit},
	{"net.unix.max_dgram_qlen", check_limit},
};

static const struct check after_rules[] = {
	{"vm.swappiness", check_swappiness},
	{"fs.file-max", check_file_handles},
};

static void run_checks(const struct check *table, size_t rows, struct ts_audit *audit,
		       struct ts_audit_item *item)
{
	for (size_t i = 0; i < rows && item->verdict == TS_AUDIT_VERDICTS; i++)
		if (!strcmp(last_word(item->reading->wanted->name), table[i].name))
			table[i].check(audit, item);
}

/* --- rules */

/* A reading without a scope is of the initial namespace, or of the whole host. */
static bool about_place(const struct ts_audit *audit, const struct ts_finding *finding,
			const struct ts_reading *reading)
{
	const struct ts_netns *netns = ts_window_netns(audit->report->window, finding->netns);

	if (*reading->scope)
		return !strcmp(finding->netns, reading->scope) ||
		       !strcmp(finding->device, reading->scope);
	return !*finding->device && (!*finding->netns || (netns && netns->initial));
}

/* "nr_requests" of "/sys/block/sda/queue/nr_requests" */
static bool is_setting_of(const struct ts_finding *finding, int id)
{
	const char *name = ts_settings[id].name;

	return *finding->setting &&
	       (!strcmp(finding->setting, name) || !strcmp(last_word(finding->setting), name));
}

static bool may_propose(const struct ts_rule *rule, int id)
{
	for (size_t i = 0; i < sizeof rule->settings / sizeof rule->settings[0] &&
			   rule->settings[i] != TS_SETTING_COUNT;
	     i++)
		if ((int)rule->settings[i] == id)
			return true;
	return false;
}

static bool goes_the_other_way(const struct ts_audit_item *item, const struct ts_finding *finding)
{
	return !item->is_set && ts_values_opposed(finding->current, finding->proposed, item->asked);
}

static void found_needed(struct ts_audit *audit, struct ts_audit_item *item, int id)
{
	for (size_t i = 0; i < audit->report->findings; i++) {
		const struct ts_finding *finding = &audit->report->finding[i];

		if (finding->outcome != TS_OUTCOME_RECOMMEND || !is_setting_of(finding, id) ||
		    !about_place(audit, finding, item->reading))
			continue;
		item->rule = finding->rule;
		item->proposed = finding->proposed;
		/* A guide that would make worse what was found is not what is needed. */
		decide(item, goes_the_other_way(item, finding) ? TS_AUDIT_HARMFUL : TS_AUDIT_NEEDED,
		       text(audit, "%s; what was measured asks for %s (%s)", finding->title,
			    finding->proposed, finding->computed));
		return;
	}
}

/* What the rules that could have proposed it said: all of them must have measured. */
static void ask_rules(struct ts_audit *audit, struct ts_audit_item *item, int id)
{
	const struct ts_rule_result *asked = NULL;

	if (id < 0)
		return;
	for (size_t i = 0; i < audit->report->rules; i++) {
		const struct ts_rule_result *result = &audit->report->rule[i];
		bool unsure = result->outcome == TS_OUTCOME_INSUFFICIENT ||
			      result->outcome == TS_OUTCOME_UNAVAILABLE ||
			      result->outcome == TS_OUTCOME_DISABLED;

		if (!may_propose(result->rule, id))
			continue;
		if (!asked || unsure)
			asked = result;
		if (unsure)
			break;
	}
	if (!asked)
		return;
	item->rule = asked->rule->id;
	switch (asked->outcome) {
	case TS_OUTCOME_INSUFFICIENT:
	case TS_OUTCOME_UNAVAILABLE:
	case TS_OUTCOME_DISABLED:
		decide(item, TS_AUDIT_UNKNOWN,
		       text(audit, "%s could not judge it: %s", asked->rule->id, asked->why));
		break;
	default:
		decide(item, TS_AUDIT_UNNECESSARY,
		       text(audit, "%s measured it and does not ask for it: %s", asked->rule->id,
			    *asked->why ? asked->why : ts_outcome_name(asked->outcome)));
	}
}

/* --- */

static void judge(struct ts_audit *audit, struct ts_audit_item *item)
{
	const struct ts_reading *reading = item->reading;
	int id = setting_of(reading->wanted);

	item->asked = name_today(reading->wanted);
	item->is_set = *reading->value && same_value(reading->value, item->asked);
	if (*reading->refused)
		decide(item, TS_AUDIT_HARMFUL, reading->refused);
	else if (!*reading->value)
		decide(item, TS_AUDIT_UNKNOWN, reading->why);
	run_checks(before_rules, sizeof before_rules / sizeof before_rules[0], audit, item);
	if (item->verdict == TS_AUDIT_VERDICTS && id >= 0)
		found_needed(audit, item, id);
	if (item->verdict == TS_AUDIT_VERDICTS && item->is_set)
		decide(item, TS_AUDIT_SET, "");
	run_checks(limits, sizeof limits / sizeof limits[0], audit, item);
	if (item->verdict == TS_AUDIT_VERDICTS)
		ask_rules(audit, item, id);
	run_checks(after_rules, sizeof after_rules / sizeof after_rules[0], audit, item);
	if (item->verdict == TS_AUDIT_VERDICTS)
		decide(item, TS_AUDIT_UNKNOWN,
		       "nothing that is measured here tells whether it is needed");
	if (item->asked != reading->wanted->value)
		item->why = text(audit, "\"%s\" is called %s today%s%s", reading->wanted->value,
				 item->asked, *item->why ? "; " : "", item->why);
}

static int order(const void *a, const void *b)
{
	const struct ts_audit_item *x = a, *y = b;

	if (x->verdict != y->verdict)
		return x->verdict < y->verdict ? -1 : 1;
	if (x->reading->wanted->line != y->reading->wanted->line)
		return x->reading->wanted->line < y->reading->wanted->line ? -1 : 1;
	return strcmp(x->reading->scope, y->reading->scope);
}

struct ts_audit *ts_audit_make(struct ts_report *report, const struct ts_reading *reading,
			       size_t readings)
{
	struct ts_audit *audit = ts_arena_alloc(report->arena, sizeof *audit);

	audit->report = report;
	audit->item = ts_arena_alloc(report->arena, (readings + 1) * sizeof *audit->item);
	audit->items = readings;
	for (size_t i = 0; i < readings; i++) {
		audit->item[i] = (struct ts_audit_item){
			.reading = &reading[i],
			.verdict = TS_AUDIT_VERDICTS,
			.why = "",
			.rule = "",
			.proposed = "",
		};
		judge(audit, &audit->item[i]);
	}
	qsort(audit->item, readings, sizeof *audit->item, order);
	return audit;
}

size_t ts_audit_wrong(const struct ts_audit *audit)
{
	size_t count = 0;

	for (size_t i = 0; i < audit->items; i++) {
		const struct ts_audit_item *item = &audit->item[i];

		count += item->verdict == TS_AUDIT_NEEDED ||
			 (item->verdict == TS_AUDIT_HARMFUL && item->is_set);
	}
	return count;
}
