/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions that compete for CPU time: what each gets, and what it would get if the time were shared
 * out equally between sessions instead of tasks.
 */
#ifndef TUNESCOPE_CPU_SESSIONS_H
#define TUNESCOPE_CPU_SESSIONS_H

#include "../rule.h"

#define TS_CPU_SESSIONS_MAX 64

struct ts_cpu_session {
	const char *id;
	const char *label[TS_LABELS_MAX]; /* of its series: the id, and NULL for any */
	double waited, ran;		  /* seconds */
	double tasks;			  /* runnable on average */
	double share;			  /* of the time its tasks could run, what they ran */
	double fair;			  /* the same with equal parts for the sessions */
	bool by_task;			  /* its tasks compete one by one */
	const struct ts_sufferer *leader; /* NULL: its name is not known */
};

struct ts_cpu_sessions {
	bool measured;
	/* Those in the root cgroup, without background and realtime tasks; who waits most first. */
	struct ts_cpu_session session[TS_CPU_SESSIONS_MAX];
	size_t count;
	double background; /* seconds that tasks of nice 10 and more waited, wherever they are */
	double realtime;   /* seconds that realtime tasks ran while they had to wait now and then */
};

void ts_cpu_sessions(const struct ts_rule_context *context, struct ts_cpu_sessions *sessions);

/* The one with most runnable tasks; NULL without any. */
const struct ts_cpu_session *ts_cpu_sessions_largest(const struct ts_cpu_sessions *sessions);

/* "session 4711 (make)" */
const char *ts_cpu_session_text(struct ts_rule_context *context,
				const struct ts_cpu_session *session);

#endif
