// SPDX-License-Identifier: GPL-2.0-only
/* tunescope explain: what is known about a rule, a setting, a signal or a measure. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "output.h"
#include "profile_file.h"
#include "../core/error.h"
#include "../core/profile.h"
#include "../core/render/explain.h"

struct explain_options {
	const char *profile;
	int markdown; /* enum ts_explain_page; -1: none */
	int color;
};

#define AT(member) offsetof(struct explain_options, member)
static const struct ts_option options_table[] = {
	{"profile", 0, "FILE|NAME", ts_option_text, AT(profile), 0, 0, NULL,
	 "tell thresholds as this profile has them"},
	{"markdown", 0, "PAGE", ts_option_choice, AT(markdown), 0, 0, ts_explain_page_names,
	 "print all rules, settings or signals as Markdown: the pages in docs/"},
	{"color", 0, "WHEN", ts_option_choice, AT(color), 0, 0, ts_color_choices,
	 "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
	{0},
};
#undef AT

/* Says so, with what may have been meant. */
static int unknown(const char *name)
{
	const char *near[TS_SUBJECTS_NEAR_MAX];
	size_t count = ts_subjects_near(name, near);
	char list[512] = "";

	for (size_t i = 0, used = 0; i < count && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
					 !i		 ? "; did you mean "
					 : i + 1 < count ? ", "
							 : " or ",
					 near[i]);
	ts_err(0,
	       "explain: there is no rule, setting, signal or measure '%s'%s%s `tunescope explain` "
	       "lists them",
	       name, list, count ? "?" : ";");
	return TS_EXIT_USAGE;
}

static int explain(const char *name, const struct ts_profile *profile,
		   const struct ts_render_options *look)
{
	struct ts_subject found[TS_SUBJECTS_FOUND_MAX];
	size_t count = ts_subjects_find(name, found);

	if (!count)
		return unknown(name);
	for (size_t i = 0; i < count; i++) {
		if (i)
			putchar('\n');
		ts_explain_text(stdout, found[i], profile, look);
	}
	return TS_EXIT_DONE;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct explain_options options = {.markdown = -1};
	struct ts_render_options look = {0};
	struct ts_profile profile;
	const char *name[16];
	size_t names;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, name, sizeof name / sizeof name[0],
			      &names, &exit_code))
		return exit_code;
	if (options.markdown >= 0) {
		if (names) {
			ts_err(0, "explain: --markdown prints all of them and takes no name: '%s'",
			       name[0]);
			return TS_EXIT_USAGE;
		}
		ts_explain_markdown(stdout, (enum ts_explain_page)options.markdown);
		return TS_EXIT_DONE;
	}
	if (ts_profile_load(options.profile, &profile))
		return TS_EXIT_USAGE;
	ts_output_options(options.color, &look);
	if (!names)
		ts_explain_index(stdout, &look);
	for (size_t i = 0; i < names; i++) {
		if (i)
			putchar('\n');
		exit_code = explain(name[i], &profile, &look);
		if (exit_code != TS_EXIT_DONE)
			return exit_code;
	}
	return TS_EXIT_DONE;
}

const struct ts_command ts_command_explain = {
	.name = "explain",
	.arguments = "[NAME...]",
	.summary = "say what a rule, setting, signal or measure means, and where that is from",
	.options = options_table,
	.run = run,
};
