/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the /proc and /sys sources share: one source on its own, in a tree of its own.
 */
#ifndef TUNESCOPE_TEST_PROC_SUPPORT_H
#define TUNESCOPE_TEST_PROC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../user/live/netns.h"
#include "../../user/live/source.h"

extern const struct ts_source ts_source_proc_cpu, ts_source_proc_memory, ts_source_pressure,
	ts_source_proc_net, ts_source_softnet, ts_source_files, ts_source_cgroups,
	ts_source_cpufreq;

struct rig {
	char root[64]; /* a copy of a fixture, or "" for the machine itself */
	char proc[128], sys[128];
	struct ts_live live;
	struct ts_netns_table netns;
	const struct ts_source *source;
	void *state; /* of the source, while it is open */
	enum ts_status status;
	char why[256];
	struct ts_snapshot *last;
	int child;	   /* a process of the test, ended by the teardown; 0: none */
	char cleanup[512]; /* a shell command for the teardown */
};

static inline void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void shell(const char *format, ...)
{
	char command[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof command, format, arguments);
	va_end(arguments);
	if (system(command))
		fail_msg("failed: %s", command);
}

/* tests/live/proc-fixtures, looked for upwards from where this program lies. */
static inline void find_fixture(const char *name, char path[PATH_MAX])
{
	char here[PATH_MAX - 64];
	ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);

	assert_true(length > 0);
	for (here[length] = '\0'; *here; *strrchr(here, '/') = '\0') {
		snprintf(path, PATH_MAX, "%s/tests/live/proc-fixtures/%s", here, name);
		if (!access(path, F_OK))
			return;
	}
	fail_msg("no fixture %s", name);
}

static inline struct rig *rig_new(const char *fixture)
{
	struct rig *rig = calloc(1, sizeof *rig);
	char path[PATH_MAX];

	assert_non_null(rig);
	strcpy(rig->proc, "/proc");
	strcpy(rig->sys, "/sys");
	if (fixture) {
		find_fixture(fixture, path);
		strcpy(rig->root, "/tmp/tunescope-proc-XXXXXX");
		assert_non_null(mkdtemp(rig->root));
		shell("cp -r '%s/.' '%s'", path, rig->root);
		snprintf(rig->proc, sizeof rig->proc, "%s/proc", rig->root);
		snprintf(rig->sys, sizeof rig->sys, "%s/sys", rig->root);
	}
	assert_int_equal(ts_netns_open(&rig->netns), 0);
	rig->live = (struct ts_live){
		.btf_path = "", .proc = rig->proc, .sys = rig->sys, .netns = &rig->netns};
	return rig;
}

static inline void rig_close_source(struct rig *rig)
{
	if (rig->state)
		rig->source->close(rig->state);
	rig->state = NULL;
	ts_snapshot_free(rig->last);
	rig->last = NULL;
}

static inline int setup_fixture(void **state)
{
	*state = rig_new("sane");
	return 0;
}

static inline int setup_machine(void **state)
{
	*state = rig_new(NULL);
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *rig = *state;
	int failed = 0;

	if (rig->child) {
		kill(rig->child, SIGKILL);
		waitpid(rig->child, NULL, 0);
	}
	/* a test may have failed inside another namespace */
	ts_netns_leave(&rig->netns);
	rig_close_source(rig);
	ts_netns_close(&rig->netns);
	if (rig->cleanup[0])
		failed |= system(rig->cleanup);
	if (rig->root[0]) {
		char command[128];

		snprintf(command, sizeof command, "rm -rf '%s'", rig->root);
		failed |= system(command);
	}
	free(rig);
	return failed;
}

/* Replaces a file of the rig's tree in place (an open descriptor sees it); NULL removes it. */
static inline void rig_write(struct rig *rig, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", rig->root, name);
	if (!text) {
		shell("rm -r '%s'", path);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* 0 or the error of the source's open. */
static inline int rig_open_source(struct rig *rig, const struct ts_source *source)
{
	int error;

	rig_close_source(rig);
	rig->source = source;
	rig->status = TS_STATUS_NO_DATA;
	rig->why[0] = '\0';
	error = source->open(&rig->live, &rig->state, &rig->status, rig->why);
	if (error)
		rig->state = NULL;
	return error;
}

/* Valid until the next one. */
static inline struct ts_snapshot *rig_snapshot(struct rig *rig)
{
	ts_snapshot_free(rig->last);
	rig->last = ts_snapshot_new();
	assert_non_null(rig->state);
	rig->source->snapshot(&rig->live, rig->state, rig->last);
	return rig->last;
}

static inline struct ts_snapshot *rig_measure(struct rig *rig, const struct ts_source *source)
{
	if (rig_open_source(rig, source))
		fail_msg("source %s: %s", ts_source_names[source->id], rig->why);
	return rig_snapshot(rig);
}

#define ASSERT_OK(snapshot, id)                                                 \
	do {                                                                    \
		if ((snapshot)->family[id].status != TS_STATUS_OK)              \
			fail_msg("%s: %s: %s", ts_families[id].name,            \
				 ts_status_name((snapshot)->family[id].status), \
				 (snapshot)->family[id].why);                   \
	} while (0)

static inline __u64 counter(const struct ts_snapshot *snapshot, enum ts_family_id id, const char *a,
			    const char *b)
{
	const struct ts_series *series;

	ASSERT_OK(snapshot, id);
	series = ts_snapshot_find(snapshot, id, TS_LABELS(a, b, "", ""));
	if (!series)
		fail_msg("%s has no series {%s,%s}", ts_families[id].name, a, b);
	return series->counter;
}

static inline double gauge(const struct ts_snapshot *snapshot, enum ts_family_id id, const char *a,
			   const char *b)
{
	const struct ts_series *series;

	ASSERT_OK(snapshot, id);
	series = ts_snapshot_find(snapshot, id, TS_LABELS(a, b, "", ""));
	if (!series)
		fail_msg("%s has no series {%s,%s}", ts_families[id].name, a, b);
	return series->gauge;
}

/* An independent reading: the number a shell command prints. */
static inline double reading(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline double reading(const char *format, ...)
{
	char command[1024], line[256] = "", *end;
	va_list arguments;
	double value;
	FILE *pipe;

	va_start(arguments, format);
	vsnprintf(command, sizeof command, format, arguments);
	va_end(arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (!fgets(line, sizeof line, pipe))
		line[0] = '\0';
	value = strtod(line, &end);
	if (pclose(pipe) || end == line)
		fail_msg("no number from: %s", command);
	return value;
}

static inline double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
