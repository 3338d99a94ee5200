// SPDX-License-Identifier: GPL-2.0-only
/* tunescope report: a recording as one HTML file. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "profile_file.h"
#include "time_option.h"
#include "../core/error.h"
#include "../core/profile.h"
#include "../core/render/html.h"
#include "../live/recording_file.h"

#define DEFAULT_OUTPUT "tunescope-report.html"

struct report_options {
	const char *output;
	const char *profile;
	struct ts_time_slice slice;
};

#define AT(member) offsetof(struct report_options, member)
static const struct ts_option options_table[] = {
	{"output", 'o', "FILE", ts_option_text, AT(output), 0, 0, NULL,
	 "write there (default " DEFAULT_OUTPUT "); - is standard output"},
	{"from", 0, "TIME", ts_option_time, AT(slice.from), 0, 0, NULL,
	 "begin there: 2026-11-21T14:00:00Z (without a zone: local time), 14:00, @SECONDS, +5m "
	 "after the beginning, -10m before the end"},
	{"to", 0, "TIME", ts_option_time, AT(slice.to), 0, 0, NULL, "end there"},
	{"profile", 0, "FILE|NAME", ts_option_text, AT(profile), 0, 0, NULL,
	 "thresholds to judge by (default: built in, the same as the profile default)"},
	{0},
};
#undef AT

/* Whether a file that would be replaced looks like a recording. */
static bool is_recording(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned char start[TS_FRAME_HEADER];
	struct ts_frame_header header;
	size_t length;
	int error;

	if (!file)
		return false;
	length = fread(start, 1, sizeof start, file);
	fclose(file);
	error = ts_frame_read_header(start, length, &header);
	return !error || error == -EPROTONOSUPPORT || (length >= 4 && !memcmp(start, "\x89TSF", 4));
}

/*
 * Only a regular file, or nothing, is replaced; a device or a pipe is written to as it is, which
 * *special says. A mistake is told before a long recording is read.
 */
static int check_output(const char *path, bool *special)
{
	struct stat file;

	*special = false;
	if (stat(path, &file)) {
		if (errno == ENOENT)
			return 0;
		return ts_err(-errno, "report: cannot write %s: %s", path, strerror(errno));
	}
	if (S_ISDIR(file.st_mode))
		return ts_err(-EISDIR, "report: -o %s is a directory; a file name is wanted", path);
	*special = !S_ISREG(file.st_mode);
	if (!*special && is_recording(path))
		return ts_err(-EEXIST,
			      "report: %s is a recording and is not overwritten; name another file "
			      "with -o",
			      path);
	return 0;
}

static int render(FILE *out, const struct ts_timeline *timeline,
		  const struct ts_recording *recording)
{
	ts_render_html(out, timeline, recording);
	if (ferror(out) || fflush(out))
		return -(errno ? errno : EIO);
	return 0;
}

static int write_special(const char *path, const struct ts_timeline *timeline,
			 const struct ts_recording *recording)
{
	FILE *out = fopen(path, "we");
	int error;

	if (!out)
		return ts_err(-errno, "report: cannot write %s: %s", path, strerror(errno));
	error = render(out, timeline, recording);
	if (fclose(out) && !error)
		error = -errno;
	return error ? ts_err(error, "report: cannot write %s: %s", path, strerror(-error)) : 0;
}

/* Into a file beside it first: what stands under the name is always complete. */
static int write_file(const char *path, const struct ts_timeline *timeline,
		      const struct ts_recording *recording)
{
	char target[PATH_MAX], temporary[PATH_MAX + 16];
	mode_t mask = umask(0);
	FILE *out = NULL;
	int fd, error;

	umask(mask);
	/* The file a link points to is replaced, not the link. */
	if (!realpath(path, target))
		snprintf(target, sizeof target, "%s", path);
	snprintf(temporary, sizeof temporary, "%s.XXXXXX", target);
	fd = mkstemp(temporary);
	if (fd < 0)
		return ts_err(-errno, "report: cannot write %s: %s", path, strerror(errno));
	if (fchmod(fd, 0666 & ~mask) || !(out = fdopen(fd, "w"))) {
		error = -errno;
		close(fd);
	} else {
		error = render(out, timeline, recording);
		if (fclose(out) && !error)
			error = -errno;
	}
	if (!error && rename(temporary, target))
		error = -errno;
	if (!error)
		return 0;
	unlink(temporary);
	return ts_err(error, "report: cannot write %s: %s", path, strerror(-error));
}

static int write_report(const struct report_options *options, bool special,
			const struct ts_timeline *timeline, const struct ts_recording *recording)
{
	const char *path = options->output ? options->output : DEFAULT_OUTPUT;

	if (!strcmp(path, "-")) {
		ts_render_html(stdout, timeline, recording);
		return 0; /* main looks whether all of it arrived */
	}
	if (special)
		return write_special(path, timeline, recording);
	if (write_file(path, timeline, recording))
		return -EIO;
	if (!options->output)
		fprintf(stderr, "tunescope: wrote %s\n", path);
	return 0;
}

static int report_recording(const struct report_options *options, bool special,
			    const struct ts_profile *profile, const char *path)
{
	struct ts_recording_file *file;
	struct ts_recording *recording;
	struct ts_timeline *timeline;
	int exit_code = TS_EXIT_DONE;
	__u64 from_ns, to_ns;

	if (ts_recording_file_open(path, &file, &recording))
		return TS_EXIT_USAGE;
	if (ts_time_slice_resolve(&options->slice, recording, path, &from_ns, &to_ns)) {
		ts_recording_file_close(file);
		return TS_EXIT_USAGE;
	}
	timeline = ts_timeline_make(recording, from_ns, to_ns, profile);
	if (!timeline->columns) {
		ts_err(0, "report: not one frame of that time in %s can be decoded%s%s", path,
		       recording->damages ? ": " : "",
		       recording->damages ? recording->damage[0].what : "");
		exit_code = TS_EXIT_USAGE;
	} else if (write_report(options, special, timeline, recording)) {
		exit_code = TS_EXIT_FAILURE;
	}
	ts_timeline_free(timeline);
	ts_recording_file_close(file);
	return exit_code;
}

static int run(const struct ts_command *command, int argc, char **argv)
{
	struct report_options options = {0};
	struct ts_profile profile;
	const char *path = NULL;
	size_t operands;
	bool special = false;
	int exit_code;

	if (!ts_options_parse(command, argc, argv, &options, &path, 1, &operands, &exit_code))
		return exit_code;
	if (!operands) {
		ts_err(0, "report: which recording? tunescope report PATH [-o report.html]");
		return TS_EXIT_USAGE;
	}
	if (ts_profile_load(options.profile, &profile))
		return TS_EXIT_USAGE;
	if (!options.output || strcmp(options.output, "-")) {
		if (check_output(options.output ? options.output : DEFAULT_OUTPUT, &special))
			return TS_EXIT_USAGE;
	}
	return report_recording(&options, special, &profile, path);
}

const struct ts_command ts_command_report = {
	.name = "report",
	.arguments = "PATH",
	.summary = "draw a recording: latency heatmaps, findings and changed settings, as one HTML "
		   "file",
	.options = options_table,
	.run = run,
};
