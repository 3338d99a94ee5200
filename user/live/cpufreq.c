// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast CPUs run, against the most their cpufreq policy allows: one policy after the other is
 * looked at, as reading a frequency costs a visit to that CPU on some drivers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pace.h"
#include "procfile.h"

#define DIRECTORY    "/sys/devices/system/cpu/cpufreq"
#define POLICIES     256
#define SAMPLE_NS    1000000000ULL
#define EAGER_NS     30000000000ULL /* while somebody waits for a report: */
#define EAGER_SAMPLE 100000000ULL   /* so often, */
#define EAGER_COUNT  4		    /* so many of them */
#define SLOW_SHARE   0.75	    /* of the most the policy allows */

struct policy {
	unsigned int cpu; /* the first of those it is for, and its name */
	__u64 slow, full; /* samples */
};

struct cpufreq {
	struct policy policy[POLICIES];
	size_t count, next;
	__u64 opened_ns, sampled_ns;
};

static void cpufreq_close(void *opaque)
{
	free(opaque);
}

static int by_cpu(const void *a, const void *b)
{
	const struct policy *x = a, *y = b;

	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static void find_policies(const struct ts_live *live, struct cpufreq *state)
{
	static const char prefix[] = "policy";
	char path[TS_PROC_PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	if (ts_live_path(live, DIRECTORY, path, sizeof path))
		return;
	directory = opendir(path);
	while (directory && state->count < POLICIES && (entry = readdir(directory))) {
		const char *name = entry->d_name;
		__u64 cpu;

		if (!strncmp(name, prefix, sizeof prefix - 1) &&
		    ts_is_number(name + sizeof prefix - 1, &cpu))
			state->policy[state->count++].cpu = (unsigned int)cpu;
	}
	if (directory)
		closedir(directory);
	qsort(state->policy, state->count, sizeof *state->policy, by_cpu);
}

static int cpufreq_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct cpufreq *state = calloc(1, sizeof *state);

	if (!state) {
		*status = TS_STATUS_FAILED;
		snprintf(why, 256, "out of memory");
		return -ENOMEM;
	}
	find_policies(live, state);
	if (!state->count) {
		*status = TS_STATUS_UNSUPPORTED;
		snprintf(why, 256,
			 "this host has no cpufreq: who gives it its CPUs sets their frequency");
		cpufreq_close(state);
		return -ENOENT;
	}
	state->opened_ns = ts_pace_opened(live);
	*opaque = state;
	return 0;
}

static bool read_frequency(const struct ts_live *live, const struct policy *policy,
			   const char *name, __u64 *khz)
{
	char template[TS_PROC_PATH_MAX], path[TS_PROC_PATH_MAX], text[32];

	snprintf(template, sizeof template, DIRECTORY "/policy%u/%s", policy->cpu, name);
	return !ts_live_path(live, template, path, sizeof path) &&
	       ts_read_small(AT_FDCWD, path, text, sizeof text) > 0 && ts_is_number(text, khz);
}

static void sample(const struct ts_live *live, struct policy *policy)
{
	__u64 now, most;

	if (!read_frequency(live, policy, "scaling_cur_freq", &now) ||
	    !read_frequency(live, policy, "scaling_max_freq", &most) || !most)
		return;
	if ((double)now < SLOW_SHARE * (double)most)
		policy->slow++;
	else
		policy->full++;
}

static void cpufreq_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct cpufreq *state = opaque;
	bool eager = now - state->opened_ns < EAGER_NS;
	size_t samples = eager ? EAGER_COUNT : 1;

	if (now - state->sampled_ns < (eager ? EAGER_SAMPLE : SAMPLE_NS))
		return;
	state->sampled_ns = now;
	for (size_t i = 0; i < samples && i < state->count; i++) {
		sample(live, &state->policy[state->next]);
		state->next = (state->next + 1) % state->count;
	}
}

static void cpufreq_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct cpufreq *state = opaque;

	for (size_t i = 0; i < state->count; i++) {
		const struct policy *policy = &state->policy[i];
		char cpu[16];

		if (!policy->slow && !policy->full)
			continue;
		snprintf(cpu, sizeof cpu, "%u", policy->cpu);
		ts_snapshot_counter(snapshot, TS_FAMILY_CPU_SPEED, TS_LABELS(cpu, "slow"),
				    policy->slow);
		ts_snapshot_counter(snapshot, TS_FAMILY_CPU_SPEED, TS_LABELS(cpu, "full"),
				    policy->full);
	}
	ts_snapshot_source_status(snapshot, TS_SOURCE_CPUFREQ, TS_STATUS_OK, "");
}

const struct ts_source ts_source_cpufreq = {
	.id = TS_SOURCE_CPUFREQ,
	.open = cpufreq_open,
	.tick = cpufreq_tick,
	.snapshot = cpufreq_snapshot,
	.close = cpufreq_close,
};
