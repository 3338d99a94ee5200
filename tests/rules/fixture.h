/* SPDX-License-Identifier: GPL-2.0-only */
/* Windows made by hand, judged by the rules: what every rule's test builds on. */
#ifndef TUNESCOPE_TESTS_FIXTURE_H
#define TUNESCOPE_TESTS_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/core/arena.h"
#include "../../user/core/histogram.h"
#include "../../user/core/profile.h"
#include "../../user/core/rule.h"

#define FIXTURE_SECONDS 10
#define HOME		"4026531840" /* the initial namespace */
#define SERVER		"4026532211" /* named labsrv in /run/netns */
#define CONTAINER	"4026532777" /* without a name; process 4242 lives in it */

struct fixture {
	struct ts_snapshot *earlier,
		*later; /* fill later: everything in it happened in the window */
	struct ts_window window;
	struct ts_profile profile;
	struct ts_report *report;
	bool no_commands; /* names nobody should paste: a recommendation may go without commands */
};

/* A host with two CPUs, 8 GiB and the namespaces above; every family measured, nothing happened. */
void fixture_open(struct fixture *fixture);
void fixture_judge(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* A setting's value in both snapshots; choices "" except for lists. */
void fixture_setting(struct fixture *fixture, enum ts_setting_id id, const char *scope,
		     const char *value, const char *choices);
#define fixture_number(fixture, id, scope, format, ...)                 \
	do {                                                            \
		char number_[64];                                       \
		snprintf(number_, sizeof number_, format, __VA_ARGS__); \
		fixture_setting(fixture, id, scope, number_, "");       \
	} while (0)

#define fixture_counter(fixture, id, value, ...)                                      \
	ts_snapshot_counter((fixture)->later, TS_FAMILY_##id, TS_LABELS(__VA_ARGS__), \
			    (__u64)(value))
#define fixture_gauge(fixture, id, value, ...) \
	ts_snapshot_gauge((fixture)->later, TS_FAMILY_##id, TS_LABELS(__VA_ARGS__), value)
#define fixture_seconds(fixture, id, seconds, ...) \
	fixture_counter(fixture, id, (seconds)*1e9, __VA_ARGS__)
/* times observations of so many seconds. */
#define fixture_latency(fixture, id, scale, seconds, times, ...)                 \
	ts_histogram_add(ts_snapshot_histogram((fixture)->later, TS_FAMILY_##id, \
					       TS_LABELS(__VA_ARGS__), scale),   \
			 (__u64)((seconds)*1e9), times)

/*
 * A window that add fills recommends, but not while a cgroup uses up its own limit of that kind on
 * the device: neither one of another kind or device, nor one that is hardly reached, excuses.
 */
void fixture_check_io_limit(const char *rule, void (*add)(struct fixture *), const char *device,
			    const char *kind, const char *other_kind);

/* A family (all of its source) could not be measured. */
void fixture_unsupported(struct fixture *fixture, enum ts_family_id id, const char *why);

const struct ts_rule_result *fixture_result(const struct fixture *fixture, const char *rule);
enum ts_outcome fixture_outcome(const struct fixture *fixture, const char *rule);
/* The only finding of a rule with this outcome in a namespace or device (NULL: any); fails
 * otherwise. */
const struct ts_finding *fixture_finding(const struct fixture *fixture, const char *rule,
					 enum ts_outcome outcome, const char *where);
size_t fixture_count(const struct fixture *fixture, const char *rule, enum ts_outcome outcome);

/* Complete enough to be shown: texts, evidence, commands that can be pasted. */
void fixture_check_finding(const struct ts_finding *finding);

/* Text contains part. */
void assert_contains(const char *text, const char *part);

#endif
