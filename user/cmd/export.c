// SPDX-License-Identifier: GPL-2.0-only
/* tunescope export: what is measured, for Prometheus. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "export.h"
#include "options.h"
#include "profile_file.h"
#include "../core/error.h"
#include "../core/render/alert_rules.h"

#define DEFAULT_LISTEN "127.0.0.1:10469"

struct export_options {
	struct ts_export_options all;
	const char *alert_rules; /* a profile: print rules made from it, and measure nothing */
};

static int option_count(const struct ts_option *option, const char *value, void *destination,
			char problem[200])
{
	size_t digits = strspn(value, "0123456789");
	double number = strtod(value, NULL);

	if (!digits || value[digits] || number < option->minimum || number > option->maximum) {
		snprintf(problem, 200, "accepted: a whole number from %.0f to %.0f",
			 option->minimum, option->maximum);
		return -EINVAL;
	}
	*(double *)destination = number;
	return 0;
}

#define AT(member) offsetof(struct export_options, member)
static const struct ts_option options_table[] = {
	{"listen", 0, "ADDRESS:PORT", ts_option_text, AT(all.listen), 0, 0, NULL,
	 "serve HTTP here: HOST:PORT, [IPV6]:PORT, or :PORT for all addresses "
	 "(default " DEFAULT_LISTEN
	 "). No TLS, no passwords: put a reverse proxy in front for these"},
	{"textfile", 0, "FILE", ts_option_text, AT(all.textfile), 0, 0, NULL,
	 "no HTTP: write FILE again and again, for node_exporter's textfile collector (*.prom)"},
	{"interval", 0, "DURATION", ts_option_duration, AT(all.interval), 1, 3600, NULL,
	 "time between two versions of the text file (default 15s)"},
	{"once", 0, NULL, ts_option_switch, AT(all.once), 0, 0, NULL,
	 "write the text file once, after one interval, and end"},
	{"window", 0, "DURATION", ts_option_duration, AT(all.window), 5, 3600, NULL,
	 "findings are about at least so much time (default 60s)"},
	{"profile", 0, "FILE|NAME", ts_option_text, AT(all.profile_name), 0, 0, NULL,
	 "thresholds to judge by (default: built in, the same as the profile default)"},
	{"alert-rules", 0, "FILE|NAME", ts_option_text, AT(alert_rules), 0, 0, NULL,
	 "print alert rules for Prometheus made from this profile, and end; needs no privilege"},
	{"max-series", 0, "NUMBER", option_count, AT(all.max_series), 10, 1000000, NULL,
	 "label sets of one family at most; what is left out is counted in "
	 "tunescope_left_out_series (default 10000)"},
	TS_COLLECT_OPTIONS(AT(all.measure)),
	{0},
};
#undef AT

/* What goes with the text file goes with nothing else. */
static int check(const struct ts_export_options *options)
{
	if (options->textfile && options->listen)
		return ts_err(-EINVAL, "export: --listen and --textfile are two ways to do it; "
				       "start it twice for both");
	if (options->textfile)
		return 0;
	if (options->once || options->interval > 0)
		return ts_err(-EINVAL, "export: --%s goes with --textfile only",
			      options->once ? "once" : "interval");
	return 0;
}

static int print_alert_rules(const struct export_options *options)
{
	struct ts_profile profile;

	if (options->all.listen || options->all.textfile || options->all.profile_name) {
		ts_err(0, "export: --alert-rules only prints: --listen, --textfile and --profile "
			  "do not go with it");
		return TS_EXIT_USAGE;
	}
	if (ts_profile_load(options->alert_rules, &profile))
		return TS_EXIT_USAGE;
	ts_render_alert_rules(stdout, &profile);
	return TS_EXIT_DONE;
}

static void fill_defaults(struct ts_export_options *options)
{
	if (!options->listen)
		options->listen = DEFAULT_LISTEN;
	if (!(options->interval > 0))
		options->interval = 15;
	/* One that is written once is judged for as long as it was measured. */
	if (!(options->window > 0))
		options->window = options->once && options->interval < 60 ? options->interval : 60;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct export_options options = {.all = {.max_series = 10000}};
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, NULL, 0, NULL, &exit_code))
		return exit_code;
	ts_collect_arguments_done(&options.all.measure);
	if (options.alert_rules)
		return print_alert_rules(&options);
	if (check(&options.all) || ts_profile_load(options.all.profile_name, &options.all.profile))
		return TS_EXIT_USAGE;
	fill_defaults(&options.all);
	return options.all.textfile ? ts_export_textfile(&options.all)
				    : ts_export_serve(&options.all);
}

const struct ts_command ts_command_export = {
	.name = "export",
	.arguments = "",
	.summary = "what is measured and found, for Prometheus: over HTTP, or as a text file",
	.options = options_table,
	.run = run,
};
