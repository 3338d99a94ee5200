// SPDX-License-Identifier: GPL-2.0-only
/* tunescope dump: a recording as it is, for people and for programs. */
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "output.h"
#include "time_option.h"
#include "../core/arena.h"
#include "../core/error.h"
#include "../core/render/dump.h"
#include "../live/recording_file.h"

struct dump_options {
	bool text, json, openmetrics, csv;
	struct ts_time_slice slice;
	struct ts_option_names families;
};

#define AT(member) offsetof(struct dump_options, member)
static const struct ts_option options_table[] = {
	{"text", 0, NULL, ts_option_switch, AT(text), 0, 0, NULL,
	 "a line for each series in which something happened (the default)"},
	{"json", 0, NULL, ts_option_switch, AT(json), 0, 0, NULL,
	 "an object a line for each window (schema tunescope.window/1)"},
	{"openmetrics", 0, NULL, ts_option_switch, AT(openmetrics), 0, 0, NULL,
	 "OpenMetrics with times, as `promtool tsdb create-blocks-from openmetrics` reads it"},
	{"csv", 0, NULL, ts_option_switch, AT(csv), 0, 0, NULL,
	 "comma-separated values, times in UTC"},
	{"from", 0, "TIME", ts_option_time, AT(slice.from), 0, 0, NULL,
	 "begin there: 2026-11-21T14:00:00Z (without a zone: local time), 14:00, @SECONDS, +5m "
	 "after the beginning, -10m before the end"},
	{"to", 0, "TIME", ts_option_time, AT(slice.to), 0, 0, NULL, "end there"},
	{"family", 0, "NAME[,...]", ts_option_names, AT(families), 0, 0, NULL,
	 "only these families (`tunescope advise --json` lists them)"},
	{0},
};
#undef AT

static int text(const struct ts_dump *dump)
{
	ts_dump_text(dump);
	return 0;
}

static int csv(const struct ts_dump *dump)
{
	ts_dump_csv(dump);
	return 0;
}

static int openmetrics(const struct ts_dump *dump)
{
	ts_dump_openmetrics(dump);
	return 0;
}

/* The formats, and which of them were asked for. */
static const struct {
	size_t asked;
	int (*print)(const struct ts_dump *dump);
	bool tells_damage; /* in its output; of the others it is told on standard error */
} formats[] = {
	{offsetof(struct dump_options, text), text, true},
	{offsetof(struct dump_options, json), ts_dump_json, false},
	{offsetof(struct dump_options, openmetrics), openmetrics, false},
	{offsetof(struct dump_options, csv), csv, false},
};
#define FORMATS (sizeof formats / sizeof formats[0])

/* The number of the format, or -1 with the mistake printed. */
static int choose_format(const struct dump_options *options)
{
	int chosen = -1;

	for (size_t i = 0; i < FORMATS; i++) {
		if (!*(const bool *)((const char *)options + formats[i].asked))
			continue;
		if (chosen >= 0)
			return ts_err(-1, "dump: only one of --text, --json, --openmetrics and "
					  "--csv can be had at a time");
		chosen = (int)i;
	}
	return chosen < 0 ? 0 : chosen;
}

static int choose_families(const struct ts_option_names *names, struct ts_dump *dump)
{
	for (size_t i = 0; i < names->count; i++) {
		int id = ts_family_by_name(names->name[i]);

		if (id < 0) {
			ts_err(0, "dump: --family '%s' is not accepted; the families are:",
			       names->name[i]);
			ts_for_each_family (k)
				fprintf(stderr, "  %s\n", ts_families[k].name);
			return -1;
		}
		dump->family[id] = true;
	}
	if (!names->count)
		memset(dump->family, true, sizeof dump->family);
	return 0;
}

static void warn_of_damage(const char *path, const struct ts_recording *recording)
{
	struct ts_arena *arena = ts_arena_new();
	const char *damage = ts_dump_damage(arena, recording);

	if (*damage)
		ts_warn("%s: %s", path, ts_escape_terminal(arena, damage));
	ts_arena_free(arena);
}

/* A file may change, or turn out to be nonsense, after its frames were counted. */
static void warn_of_more_damage(const char *path, const struct ts_recording *recording,
				size_t before)
{
	const struct ts_damage *damage = &recording->damage[before];
	struct ts_arena *arena;

	if (recording->damages == before)
		return;
	arena = ts_arena_new();
	ts_warn("%s: %zu more frames could not be decoded (the first at %zu of %s: %s)", path,
		recording->damages - before, damage->offset,
		ts_escape_terminal(arena, damage->segment), damage->what);
	ts_arena_free(arena);
}

static int dump_recording(const struct dump_options *options, int format, const char *path,
			  struct ts_dump *dump)
{
	struct ts_recording_file *file;
	int exit_code = TS_EXIT_USAGE;
	size_t damages;

	if (ts_recording_file_open(path, &file, &dump->recording))
		return TS_EXIT_USAGE;
	damages = dump->recording->damages;
	if (!ts_time_slice_resolve(&options->slice, dump->recording, path, &dump->from_ns,
				   &dump->to_ns)) {
		if (!formats[format].tells_damage)
			warn_of_damage(path, dump->recording);
		exit_code = TS_EXIT_DONE;
		if (formats[format].print(dump) && !ferror(stdout)) {
			ts_err(0, "the recording could not be written as JSON");
			exit_code = TS_EXIT_FAILURE;
		}
		if (ts_time_slice_check(dump->recording, path, dump->from_ns, dump->to_ns))
			exit_code = TS_EXIT_USAGE;
		else
			warn_of_more_damage(path, dump->recording, damages);
	}
	ts_recording_file_close(file);
	return exit_code;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct dump_options options = {0};
	struct ts_dump dump = {.out = stdout};
	struct ts_render_options look = {0};
	const char *path;
	size_t paths;
	int exit_code, format;

	if (!ts_options_parse(command, argc, argv, &options, &path, 1, &paths, &exit_code))
		return exit_code;
	if (!paths) {
		ts_err(0, "dump: which recording? `tunescope dump PATH`: a file, or a directory of "
			  "recorded segments");
		return TS_EXIT_USAGE;
	}
	format = choose_format(&options);
	if (format < 0 || choose_families(&options.families, &dump))
		return TS_EXIT_USAGE;
	ts_output_options(TS_COLOR_NEVER, &look);
	dump.utf8 = look.utf8;
	/* One thread, and very many small pieces: locking for each would be a fifth of the time. */
	__fsetlocking(stdout, FSETLOCKING_BYCALLER);
	return dump_recording(&options, format, path, &dump);
}

const struct ts_command ts_command_dump = {
	.name = "dump",
	.arguments = "PATH",
	.summary = "print what was recorded: as text, JSON, OpenMetrics or CSV",
	.options = options_table,
	.run = run,
};
