// SPDX-License-Identifier: GPL-2.0-only
#include "help.h"

#include <string.h>

#include "options.h"
#include "../core/error.h"

#define COLUMN 28
#define WIDTH  80

/* Fills the text into the column right of COLUMN; the cursor stands behind what was printed. */
static void fill(FILE *out, int cursor, const char *text)
{
	if (cursor > COLUMN - 2) {
		fputc('\n', out);
		cursor = 0;
	}
	fprintf(out, "%*s", COLUMN - cursor, "");
	cursor = COLUMN;
	while (*text) {
		int length = (int)strcspn(text, " ");

		if (cursor > COLUMN && cursor + 1 + length > WIDTH) {
			fprintf(out, "\n%*s", COLUMN, "");
			cursor = COLUMN;
		}
		cursor += fprintf(out, "%s%.*s", cursor > COLUMN ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static int print_option(FILE *out, const struct ts_option *option)
{
	int cursor =
		option->letter ? fprintf(out, "  -%c, ", option->letter) : fprintf(out, "      ");

	cursor += fprintf(out, "--%s", option->name);
	if (option->argument)
		cursor += fprintf(out, " %s", option->argument);
	return cursor;
}

void ts_help_command(FILE *out, const struct ts_command *command)
{
	fprintf(out, "usage: tunescope %s", command->name);
	if (command->options)
		fprintf(out, " [options]");
	if (*command->arguments)
		fprintf(out, " %s", command->arguments);
	fprintf(out, "\n%s\n", command->summary);
	if (!command->options)
		return;
	fprintf(out, "\n");
	for (const struct ts_option *o = command->options; o->name; o++)
		fill(out, print_option(out, o), o->help);
	fill(out, fprintf(out, "  -h, --help"), "print this and stop");
}

void ts_help_overview(FILE *out)
{
	fprintf(out,
		"usage: tunescope COMMAND [options]\n"
		"Finds out from this host's own behaviour which kernel settings to change.\n\n");
	for (size_t i = 0; ts_commands[i]; i++)
		fill(out, fprintf(out, "  %s", ts_commands[i]->name), ts_commands[i]->summary);
	fprintf(out, "\n`tunescope help COMMAND` lists the options of a command, "
		     "`tunescope --version`\nprints the version. The manual is tunescope(8).\n");
}

void ts_help_version(FILE *out)
{
	fprintf(out, "tunescope %s\n", TUNESCOPE_VERSION);
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	const char *name[1];
	size_t names;
	int exit_code;
	const struct ts_command *about;

	if (!ts_options_parse(command, argc, argv, NULL, name, 1, &names, &exit_code))
		return exit_code;
	if (!names) {
		ts_help_overview(stdout);
		return TS_EXIT_DONE;
	}
	about = ts_command_by_name(name[0]);
	if (!about) {
		ts_err(0, "help: there is no command '%s'; `tunescope help` lists them", name[0]);
		return TS_EXIT_USAGE;
	}
	ts_help_command(stdout, about);
	return TS_EXIT_DONE;
}

const struct ts_command ts_command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "explain tunescope or one of its commands",
	.run = run,
};
