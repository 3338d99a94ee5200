// SPDX-License-Identifier: GPL-2.0-only
/* A file for the textfile collector of node_exporter: always whole, replaced by a rename. */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe.h"
#include "../core/error.h"
#include "../live/clock.h"

struct target {
	const char *path;
	char directory[PATH_MAX], name[NAME_MAX + 1];
	char temporary[NAME_MAX + 1];
	int directory_fd;
	bool failing;
};

static int open_target(struct target *target)
{
	const char *path = target->path;
	char copy[PATH_MAX];
	struct stat status;

	if (strlen(path) >= sizeof copy || strlen(basename(strcpy(copy, path))) > NAME_MAX - 32)
		return ts_err(-ENAMETOOLONG, "%s: the name is too long", path);
	strcpy(target->name, basename(copy));
	strcpy(target->directory, dirname(strcpy(copy, path)));
	/* Not ending in .prom, so that it is not read before it is whole. */
	snprintf(target->temporary, sizeof target->temporary, ".%.200s.%d.tmp", target->name,
		 (int)getpid());
	target->directory_fd = open(target->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target->directory_fd < 0)
		return ts_err(-errno, "%s: %s", target->directory, strerror(errno));
	if (!fstatat(target->directory_fd, target->name, &status, 0) && !S_ISREG(status.st_mode)) {
		close(target->directory_fd);
		return ts_err(-EINVAL, "%s exists and is not a file", path);
	}
	return 0;
}

static int write_temporary(const struct target *target, struct ts_exporter *exporter)
{
	int file = openat(target->directory_fd, target->temporary,
			  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *out;
	int error;

	if (file < 0)
		return -errno;
	out = fdopen(file, "w");
	if (!out) {
		error = -errno;
		close(file);
		return error;
	}
	/* Whatever the umask is: node_exporter is another user. */
	error = fchmod(file, 0644) ? -errno : 0;
	ts_exporter_write(exporter, out, TS_PROMETHEUS_TEXT, NULL);
	if (ferror(out))
		error = -EIO;
	if (fclose(out))
		error = -errno;
	return error;
}

static int write_file(struct target *target, struct ts_exporter *exporter)
{
	int error;

	ts_exporter_refresh(exporter);
	error = write_temporary(target, exporter);
	if (!error &&
	    renameat(target->directory_fd, target->temporary, target->directory_fd, target->name))
		error = -errno;
	if (error)
		unlinkat(target->directory_fd, target->temporary, 0);
	/* Told once, and when it is over: a full disk may stay full for days. */
	if (error && !target->failing)
		ts_err(error, "%s cannot be written: %s; the old one stays", target->path,
		       strerror(-error));
	else if (!error && target->failing)
		ts_warn("%s is written again", target->path);
	target->failing = error != 0;
	return error;
}

/* Ticks until then, or a signal. */
static void watch(struct ts_exporter *exporter, __u64 until_ns)
{
	while (!ts_observe_interrupted() && ts_clock_ns(CLOCK_MONOTONIC) < until_ns)
		poll(NULL, 0, ts_exporter_tick(exporter));
}

static int run(struct target *target, struct ts_exporter *exporter,
	       const struct ts_export_options *options)
{
	__u64 interval = (__u64)(options->interval * 1e9);
	__u64 next = ts_clock_ns(CLOCK_MONOTONIC);
	int error = 0;

	if (!options->once && write_file(target, exporter))
		return TS_EXIT_FAILURE;
	while (!ts_observe_interrupted()) {
		__u64 now;

		next += interval;
		watch(exporter, next);
		if (ts_observe_interrupted())
			break;
		error = write_file(target, exporter);
		if (options->once)
			return error ? TS_EXIT_FAILURE : TS_EXIT_DONE;
		now = ts_clock_ns(CLOCK_MONOTONIC);
		if (next + interval < now)
			next = now;
	}
	return options->once ? TS_EXIT_FAILURE : TS_EXIT_DONE;
}

int ts_export_textfile(const struct ts_export_options *options)
{
	struct target target = {.path = options->textfile};
	struct ts_exporter *exporter;
	int exit_code = TS_EXIT_FAILURE;

	if (open_target(&target))
		return TS_EXIT_FAILURE;
	ts_observe_signals();
	exporter = ts_exporter_open(options, target.directory);
	if (exporter)
		exit_code = run(&target, exporter, options);
	ts_exporter_close(exporter);
	close(target.directory_fd);
	return exit_code;
}
