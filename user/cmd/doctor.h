/* SPDX-License-Identifier: GPL-2.0-only */
/* What the doctor found out, and the two ways to show it. */
#ifndef TUNESCOPE_DOCTOR_H
#define TUNESCOPE_DOCTOR_H

#include <stdio.h>
#include "kernel_facts.h"
#include "../core/window.h"

/* How much of tunescope works here. */
enum ts_health { TS_HEALTH_FULL, TS_HEALTH_PARTIAL, TS_HEALTH_NONE };

struct ts_source_state {
	enum ts_status status; /* that of its best family */
	const char *why;
};

struct ts_doctor {
	struct ts_fact fact[TS_FACTS_MAX];
	size_t facts;
	bool opened; /* the rest is known only then */
	double open_seconds;
	struct ts_window window;
	struct ts_source_state source[TS_SOURCE_COUNT];
	enum ts_health health;
};

const char *ts_health_name(enum ts_health health); /* "full", "partial", "none" */

void ts_doctor_text(FILE *out, const struct ts_doctor *doctor);
int ts_doctor_json(FILE *out, const struct ts_doctor *doctor); /* schema tunescope.doctor/1 */

#endif
