// SPDX-License-Identifier: GPL-2.0-only
/* Busy CPUs that run at a low frequency: the governor, or what limits them below it. */
#include "../rule.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "../arena.h"

enum { BUSY, SLOW, SAMPLES };

#define WANTED	 "performance"
#define POLICIES "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor"

struct speed {
	double slow, samples; /* of busy CPUs */
	double busy;	      /* CPU seconds of those */
	unsigned int cpus;
};

static double busy_share(const struct ts_rule_context *context, const char *cpu, double *seconds)
{
	const struct ts_window *w = context->window;
	double all = ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(cpu));
	double idle = ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(cpu, "idle")) +
		      ts_window_seconds(w, TS_FAMILY_CPU_TIME, TS_LABELS(cpu, "iowait"));

	*seconds = all - idle;
	return all > 0 ? *seconds / all : 0;
}

static struct speed measure(const struct ts_rule_context *context)
{
	struct speed speed = {0};

	ts_for_each_series (s, context->window, TS_FAMILY_CPU_SPEED) {
		const char *cpu = s->label[0];
		double seconds;

		if (strcmp(s->label[1], "slow") ||
		    busy_share(context, cpu, &seconds) < context->threshold[BUSY])
			continue;
		speed.cpus++;
		speed.busy += seconds;
		speed.slow += (double)s->counter;
		speed.samples += (double)ts_window_counter(context->window, TS_FAMILY_CPU_SPEED,
							   TS_LABELS(cpu));
	}
	return speed;
}

static const char *text_of(const struct ts_rule_context *context, enum ts_setting_id id)
{
	const struct ts_setting_value *value = ts_window_setting(context->window, id, "");

	return value && value->status == TS_STATUS_OK ? value->value : "";
}

static bool is_word(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_')
			return false;
	return true;
}

static void speed_evidence(struct ts_rule_context *context, struct ts_finding *f,
			   const struct speed *s)
{
	ts_finding_judged(context, f, TS_FAMILY_CPU_SPEED, TS_LABELS(NULL, "slow"),
			  "samples of busy CPUs below three quarters of their frequency",
			  100 * s->slow / s->samples, "%", (__u64)s->samples,
			  100 * context->threshold[SLOW]);
	ts_finding_evidence(context, f, TS_FAMILY_CPU_TIME, NULL, "time those CPUs were busy",
			    s->busy, "s", s->cpus);
	f->harm = s->busy * s->slow / s->samples;
	f->harm_unit = "seconds of CPU time at a low frequency";
	/* At three quarters or less, a quarter of it at least was lost. */
	f->harm_seconds = f->harm / 4;
	f->confidence = 0.8;
}

static void run_faster(struct ts_rule_context *context, const struct speed *s, const char *governor)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	const char *name = ts_settings[TS_SETTING_CPU_GOVERNOR].name;

	ts_finding_propose(context, f, TS_SETTING_CPU_GOVERNOR, "", WANTED);
	f->setting = name;
	f->apply = "echo " WANTED " | tee " POLICIES;
	f->undo = ts_text(context, "echo %s | tee " POLICIES, governor);
	ts_finding_identify(context, f, name, "port");
	f->title = ts_text(context, "Busy CPUs run at a low frequency: governor %s holds them down",
			   governor);
	f->computed =
		ts_text(context,
			"%.0f %% of %.0f samples of %u busy CPUs were below three quarters of "
			"the most their policy allows; " WANTED " runs them at that",
			100 * s->slow / s->samples, s->samples, s->cpus);
	f->expect = "work that keeps a CPU busy is done in three quarters of the time or less";
	speed_evidence(context, f, s);
}

static void limited_below(struct ts_rule_context *context, const struct speed *s)
{
	struct ts_finding *f = ts_finding_cause(context, "frequency-limited",
						ts_settings[TS_SETTING_CPU_GOVERNOR].name);

	ts_finding_identify(context, f, f->cause, "port");
	f->title = "Busy CPUs run at a low frequency although their governor asks for the highest";
	f->remedy = "The hardware holds them down: heat, a power limit, or the firmware's own "
		    "profile. Look at cooling, at the limits in the firmware, and at "
		    "/sys/devices/system/cpu/cpu*/thermal_throttle.";
	speed_evidence(context, f, s);
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	struct speed s = measure(context);
	const char *governor = text_of(context, TS_SETTING_CPU_GOVERNOR);
	const char *available = text_of(context, TS_SETTING_CPU_AVAILABLE_GOVERNORS);

	if (s.samples < context->threshold[SAMPLES] ||
	    s.slow < context->threshold[SLOW] * s.samples)
		return ts_rule_without_finding(
			context, TS_OUTCOME_QUIET,
			"%.0f of %.0f samples of busy CPUs were below three quarters of the most "
			"their policy allows (threshold %.0f %% of at least %.0f)",
			s.slow, s.samples, 100 * context->threshold[SLOW],
			context->threshold[SAMPLES]);
	if (!is_word(governor) || (strcmp(governor, WANTED) && !strstr(available, WANTED)))
		return ts_rule_without_finding(context, TS_OUTCOME_INSUFFICIENT,
					       "busy CPUs run at a low frequency, but their "
					       "governor is not known, or this "
					       "kernel has none that is called " WANTED);
	if (strcmp(governor, WANTED) != 0)
		run_faster(context, &s, governor);
	else
		limited_below(context, &s);
	return TS_OUTCOME_QUIET;
}

const struct ts_rule ts_rule_cpu_governor = {
	.id = "cpu-governor",
	.title = "Busy CPUs at a low frequency",
	.needs = {TS_FAMILY_CPU_SPEED, TS_FAMILY_CPU_TIME, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_CPU_GOVERNOR, TS_SETTING_COUNT},
	.thresholds =
		{[BUSY] = {"busy_share", 0.8, 0.1, 1, "share of the window",
			   "CPUs busy for less than this are not looked at: they may run slowly"},
		 [SLOW] =
			 {"slow_share", 0.8, 0.1, 1, "share of the samples",
			  "samples of busy CPUs at a low frequency, from which on it is a symptom"},
		 [SAMPLES] = {"samples", 10, 1, 1e9, "samples", "samples needed to judge"}},
	.judge = judge,
	.explanation =
		"A cpufreq governor chooses the frequency of the CPUs: powersave the lowest, "
		"performance the highest, others (schedutil, ondemand) by how busy they are. (With "
		"intel_pstate and amd-pstate, powersave goes by that, too.)\n"
		"Convicts the governor: CPUs that are busy nearly all the time run below three "
		"quarters of the most their policy allows, in nearly all samples.\n"
		"Acquits it: CPUs that are idle now and then (they need not be fast), and "
		"performance is set already: then heat or a power limit holds them down "
		"(frequency-limited).\n"
		"A limit that somebody set (scaling_max_freq) counts as the most the policy "
		"allows. performance costs power and heat. A virtual machine mostly has no "
		"cpufreq: then this cannot be seen from inside.",
	.reference = "cpufreq_driver_target(); Documentation/admin-guide/pm/cpufreq.rst, "
		     "intel_pstate.rst",
};
