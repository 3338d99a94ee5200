/* SPDX-License-Identifier: GPL-2.0-only */
/* A command: one file in user/cmd with a const struct ts_command, and a row in main.c. */
#ifndef TUNESCOPE_COMMAND_H
#define TUNESCOPE_COMMAND_H

#include <stddef.h>

struct ts_option;

struct ts_command {
	const char *name;
	const char *arguments;		 /* after the options, for the usage line; "" for none */
	const char *summary;		 /* one line */
	const struct ts_option *options; /* ends with a NULL name; NULL: the command has none */
	/* argv[0] is the command's name. Returns an exit code (enum ts_exit). */
	int (*run)(const struct ts_command *command, int argc, char **argv);
};

extern const struct ts_command ts_command_advise;
extern const struct ts_command ts_command_audit;
extern const struct ts_command ts_command_doctor;
extern const struct ts_command ts_command_dump;
extern const struct ts_command ts_command_explain;
extern const struct ts_command ts_command_export;
extern const struct ts_command ts_command_record;
extern const struct ts_command ts_command_help;
extern const struct ts_command ts_command_run;
extern const struct ts_command ts_command_diff;
extern const struct ts_command ts_command_check;
extern const struct ts_command ts_command_baseline;
extern const struct ts_command ts_command_replay;
extern const struct ts_command ts_command_report;

/* The table in main.c; ends with NULL. */
extern const struct ts_command *const ts_commands[];
const struct ts_command *ts_command_by_name(const char *name); /* NULL: none */

#endif
