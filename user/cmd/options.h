/* SPDX-License-Identifier: GPL-2.0-only */
/* Command-line options as a table: parsing, limits and help all come from the same row. */
#ifndef TUNESCOPE_OPTIONS_H
#define TUNESCOPE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "command.h"
#include "../core/family.h"

struct ts_option {
	const char *name;     /* long name without the dashes; NULL ends the table */
	char letter;	      /* 0: none */
	const char *argument; /* as in the help: "DURATION"; NULL: a switch */
	/*
	 * Writes value to destination, 0 when done. Otherwise writes into problem what is accepted
	 * instead. value is NULL for a switch.
	 */
	int (*parse)(const struct ts_option *option, const char *value, void *destination,
		     char problem[200]);
	size_t offset;		    /* of the destination in the command's options */
	double minimum, maximum;    /* in the destination's unit; both 0: no limits */
	const char *const *choices; /* ts_option_choice; ends with NULL */
	const char *help;
};

/* Destinations: bool */
int ts_option_switch(const struct ts_option *option, const char *value, void *destination,
		     char problem[200]);
/* const char * */
int ts_option_text(const struct ts_option *option, const char *value, void *destination,
		   char problem[200]);
/* int, the index in choices */
int ts_option_choice(const struct ts_option *option, const char *value, void *destination,
		     char problem[200]);
/* double, in seconds: 500ms, 10s, 2m, 1h, 7d, or a plain number of seconds */
int ts_option_duration(const struct ts_option *option, const char *value, void *destination,
		       char problem[200]);
/* __u64, in bytes: 512M, 10G, 64KiB (powers of 1024), or a plain number of bytes */
int ts_option_size(const struct ts_option *option, const char *value, void *destination,
		   char problem[200]);
/* bool [TS_SOURCE_COUNT]: a comma-separated list of sources, each set to true */
int ts_option_sources(const struct ts_option *option, const char *value, void *destination,
		      char problem[200]);

/* A list of names, collected over repeated options; the texts are copies. */
#define TS_OPTION_NAMES_MAX 32
struct ts_option_names {
	const char *name[TS_OPTION_NAMES_MAX + 1]; /* NULL-terminated */
	size_t count;
	char text[1024]; /* what name[] points into */
	size_t used;
};
int ts_option_names(const struct ts_option *option, const char *value, void *destination,
		    char problem[200]);

/*
 * Reads the options of a command into destination. False when there is nothing left to do: --help
 * was printed, or a mistake reported; then *exit_code says how to end. Operands go to
 * operand[0..*operands), which holds at most limit of them.
 */
bool ts_options_parse(const struct ts_command *command, int argc, char **argv, void *destination,
		      const char **operand, size_t limit, size_t *operands, int *exit_code);

#endif
