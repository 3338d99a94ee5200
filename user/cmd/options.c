// SPDX-License-Identifier: GPL-2.0-only
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "../core/error.h"

#define PROBLEM_SIZE 200

int ts_option_switch(const struct ts_option *option, const char *value, void *destination,
		     char problem[PROBLEM_SIZE])
{
	*(bool *)destination = true;
	return 0;
}

int ts_option_text(const struct ts_option *option, const char *value, void *destination,
		   char problem[PROBLEM_SIZE])
{
	if (!*value) {
		snprintf(problem, PROBLEM_SIZE, "it is empty");
		return -EINVAL;
	}
	*(const char **)destination = value;
	return 0;
}

int ts_option_choice(const struct ts_option *option, const char *value, void *destination,
		     char problem[PROBLEM_SIZE])
{
	int used;

	for (int i = 0; option->choices[i]; i++) {
		if (strcmp(option->choices[i], value))
			continue;
		*(int *)destination = i;
		return 0;
	}
	used = snprintf(problem, PROBLEM_SIZE, "accepted:");
	for (int i = 0; option->choices[i] && used < PROBLEM_SIZE; i++)
		used += snprintf(problem + used, (size_t)(PROBLEM_SIZE - used), "%s %s",
				 i ? "," : "", option->choices[i]);
	return -EINVAL;
}

/* A limit in words: "0.1 s", "36500 d". */
static const char *limit(double seconds, char text[32])
{
	bool days = seconds >= 86400;

	snprintf(text, 32, "%.6g %s", days ? seconds / 86400 : seconds, days ? "d" : "s");
	return text;
}

static int bad_duration(const struct ts_option *option, char problem[PROBLEM_SIZE])
{
	char least[32], most[32];

	snprintf(problem, PROBLEM_SIZE,
		 "accepted: a number with ms, s, m, h or d (500ms, 10s, 2m, 1h, 7d), a plain "
		 "number is "
		 "seconds; from %s to %s",
		 limit(option->minimum, least), limit(option->maximum, most));
	return -EINVAL;
}

int ts_option_duration(const struct ts_option *option, const char *value, void *destination,
		       char problem[PROBLEM_SIZE])
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = {{"", 1}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	/* No sign, no exponent, no "inf", no 0x: what strtod takes and a person does not mean. */
	size_t digits = strspn(value, "0123456789.");
	char *end;
	double seconds;

	if (!digits)
		return bad_duration(option, problem);
	seconds = strtod(value, &end);
	if (end != value + digits)
		return bad_duration(option, problem);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		seconds *= units[i].seconds;
		if (!(seconds >= option->minimum && seconds <= option->maximum))
			return bad_duration(option, problem);
		*(double *)destination = seconds;
		return 0;
	}
	return bad_duration(option, problem);
}

static int bad_size(const struct ts_option *option, char problem[PROBLEM_SIZE])
{
	snprintf(problem, PROBLEM_SIZE,
		 "accepted: a number with K, M, G or T (512M, 10G), powers of 1024, a plain number "
		 "is bytes; from %.0f to %.0f bytes",
		 option->minimum, option->maximum);
	return -EINVAL;
}

int ts_option_size(const struct ts_option *option, const char *value, void *destination,
		   char problem[PROBLEM_SIZE])
{
	static const char units[] = "KMGT";
	size_t digits = strspn(value, "0123456789.");
	const char *unit;
	char *end;
	double bytes;

	if (!digits)
		return bad_size(option, problem);
	bytes = strtod(value, &end);
	if (end != value + digits)
		return bad_size(option, problem);
	if (*end) {
		unit = strchr(units, *end == 'k' ? 'K' : *end);
		if (!unit || (end[1] && strcmp(end + 1, "iB")))
			return bad_size(option, problem);
		bytes = ldexp(bytes, 10 * (int)(unit - units + 1));
	}
	if (!(bytes >= option->minimum && bytes <= option->maximum))
		return bad_size(option, problem);
	*(__u64 *)destination = (__u64)bytes;
	return 0;
}

/* Calls take for each name of a comma-separated list; stops at the first that is refused. */
static int each_name(const char *list, void *destination, char problem[PROBLEM_SIZE],
		     int (*take)(const char *name, void *destination, char problem[PROBLEM_SIZE]))
{
	char name[64];
	size_t length;
	int error;

	for (;; list += length + 1) {
		length = strcspn(list, ",");
		if (!length || length >= sizeof name) {
			snprintf(problem, PROBLEM_SIZE,
				 length ? "a name in it is too long"
					: "accepted: names separated by commas, without blanks");
			return -EINVAL;
		}
		memcpy(name, list, length);
		name[length] = '\0';
		error = take(name, destination, problem);
		if (error || !list[length])
			return error;
	}
}

static int take_source(const char *name, void *destination, char problem[PROBLEM_SIZE])
{
	int source = ts_source_by_name(name), used;

	if (source >= 0) {
		((bool *)destination)[source] = true;
		return 0;
	}
	used = snprintf(problem, PROBLEM_SIZE, "accepted:");
	for (int i = 0; i < TS_SOURCE_COUNT && used < PROBLEM_SIZE; i++)
		used += snprintf(problem + used, (size_t)(PROBLEM_SIZE - used), "%s %s",
				 i ? "," : "", ts_source_names[i]);
	return -EINVAL;
}

int ts_option_sources(const struct ts_option *option, const char *value, void *destination,
		      char problem[PROBLEM_SIZE])
{
	return each_name(value, destination, problem, take_source);
}

static int take_name(const char *name, void *destination, char problem[PROBLEM_SIZE])
{
	struct ts_option_names *names = destination;
	size_t size = strlen(name) + 1;

	if (names->count == TS_OPTION_NAMES_MAX || sizeof names->text - names->used < size) {
		snprintf(problem, PROBLEM_SIZE, "at most %d names are accepted",
			 TS_OPTION_NAMES_MAX);
		return -EINVAL;
	}
	names->name[names->count++] = memcpy(names->text + names->used, name, size);
	names->used += size;
	return 0;
}

int ts_option_names(const struct ts_option *option, const char *value, void *destination,
		    char problem[PROBLEM_SIZE])
{
	return each_name(value, destination, problem, take_name);
}

static const struct ts_option *find_long(const struct ts_option *options, const char *name,
					 size_t length)
{
	for (; options && options->name; options++)
		if (strlen(options->name) == length && !memcmp(options->name, name, length))
			return options;
	return NULL;
}

static const struct ts_option *find_letter(const struct ts_option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

struct parser {
	const struct ts_command *command;
	int argc, at;
	char **argv;
	void *destination;
};

static int usage_error(const struct parser *parser, const char *what, const char *text)
{
	return ts_err(-EINVAL, "%s: %s '%s'; `tunescope help %s` lists what is accepted",
		      parser->command->name, what, text, parser->command->name);
}

/* value: the text after "=" or behind the letter, or NULL; then it is the next argument. */
static int apply(struct parser *parser, const struct ts_option *option, const char *value)
{
	char problem[PROBLEM_SIZE] = "";
	void *destination = (char *)parser->destination + option->offset;
	int error;

	if (!option->argument && value)
		return usage_error(parser, "takes no value:", option->name);
	if (option->argument && !value) {
		if (parser->at + 1 >= parser->argc)
			return ts_err(-EINVAL, "%s: --%s needs a value: --%s %s",
				      parser->command->name, option->name, option->name,
				      option->argument);
		value = parser->argv[++parser->at];
	}
	error = option->parse(option, value, destination, problem);
	if (error)
		ts_err(error, "%s: --%s '%s' is not accepted; %s", parser->command->name,
		       option->name, value ? value : "", problem);
	return error;
}

static int parse_long(struct parser *parser, const char *text)
{
	size_t length = strcspn(text, "=");
	const struct ts_option *option = find_long(parser->command->options, text, length);

	if (!option)
		return usage_error(parser, "unknown option", parser->argv[parser->at]);
	return apply(parser, option, text[length] ? text + length + 1 : NULL);
}

/* "-v", "-vv", "-d 10s", "-d10s" */
static int parse_letters(struct parser *parser, const char *text)
{
	for (; *text; text++) {
		const struct ts_option *option = find_letter(parser->command->options, *text);
		int error;

		if (!option)
			return usage_error(parser, "unknown option", parser->argv[parser->at]);
		if (option->argument)
			return apply(parser, option, text[1] ? text + 1 : NULL);
		error = apply(parser, option, NULL);
		if (error)
			return error;
	}
	return 0;
}

bool ts_options_parse(const struct ts_command *command, int argc, char **argv, void *destination,
		      const char **operand, size_t limit, size_t *operands, int *exit_code)
{
	struct parser parser = {
		.command = command,
		.argc = argc,
		.at = 1,
		.argv = argv,
		.destination = destination,
	};
	bool only_operands = false;
	size_t count = 0;

	*exit_code = TS_EXIT_USAGE;
	for (; parser.at < argc; parser.at++) {
		const char *text = argv[parser.at];
		int error = 0;

		if (only_operands || text[0] != '-' || !text[1]) {
			if (count == limit) {
				usage_error(&parser, "unexpected argument", text);
				return false;
			}
			operand[count++] = text;
		} else if (!strcmp(text, "--")) {
			only_operands = true;
		} else if (!strcmp(text, "--help") || !strcmp(text, "-h")) {
			ts_help_command(stdout, command);
			*exit_code = TS_EXIT_DONE;
			return false;
		} else if (text[1] == '-') {
			error = parse_long(&parser, text + 2);
		} else {
			error = parse_letters(&parser, text + 1);
		}
		if (error)
			return false;
	}
	if (operands)
		*operands = count;
	return true;
}
