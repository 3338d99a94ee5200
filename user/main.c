// SPDX-License-Identifier: GPL-2.0-only
/* The command table. */
#include <string.h>

#include "cmd/command.h"
#include "cmd/help.h"
#include "cmd/output.h"
#include "core/error.h"

/* One a line. */
/* clang-format off */
const struct ts_command *const ts_commands[] = {
	&ts_command_advise,
	&ts_command_audit,
	&ts_command_record,
	&ts_command_run,
	&ts_command_diff,
	&ts_command_check,
	&ts_command_baseline,
	&ts_command_doctor,
	&ts_command_export,
	&ts_command_dump,
	&ts_command_replay,
	&ts_command_report,
	&ts_command_explain,
	&ts_command_help,
	NULL,
};
/* clang-format on */

const struct ts_command *ts_command_by_name(const char *name)
{
	for (size_t i = 0; ts_commands[i]; i++)
		if (!strcmp(ts_commands[i]->name, name))
			return ts_commands[i];
	return NULL;
}

static int dispatch(int argc, char **argv)
{
	const struct ts_command *command;

	if (argc < 2) {
		ts_help_overview(stderr);
		return TS_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		ts_help_overview(stdout);
		return TS_EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		ts_help_version(stdout);
		return TS_EXIT_DONE;
	}
	command = ts_command_by_name(argv[1]);
	if (!command) {
		ts_err(0, "there is no command '%s'; `tunescope help` lists them", argv[1]);
		return TS_EXIT_USAGE;
	}
	return command->run(command, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	ts_output_start();
	return ts_output_finish(dispatch(argc, argv));
}
