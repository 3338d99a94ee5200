// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../core/error.h"

const char *const ts_color_choices[] = {"auto", "always", "never", NULL};

void ts_output_start(void)
{
	/* Large enough for nearly every report: then it is written at the end, in one go, and the
	 * reason why that failed is known. Pages that are not used cost nothing. */
	static char buffer[1 << 20];
	sigset_t set;

	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);

	/* Standard output gets a descriptor that refuses writing: closing it must not pass as
	 * success. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd)
				_exit(TS_EXIT_FAILURE);

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool environment_allows_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb");
}

void ts_output_options_of(int descriptor, enum ts_color color, struct ts_render_options *options)
{
	bool terminal = isatty(descriptor);
	struct winsize size;

	options->color = color == TS_COLOR_ALWAYS ||
			 (color == TS_COLOR_AUTO && terminal && environment_allows_color());
	/*
	 * Only the character set: numbers keep their decimal point. Not before it is needed: the
	 * tables of a character set are in memory from then on.
	 */
	setlocale(LC_CTYPE, "");
	options->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	options->width = 80;
	if (terminal && !ioctl(descriptor, TIOCGWINSZ, &size) && size.ws_col)
		options->width = size.ws_col;
}

void ts_output_options(enum ts_color color, struct ts_render_options *options)
{
	ts_output_options_of(STDOUT_FILENO, color, options);
}

int ts_output_finish(int exit_code)
{
	bool failed = ferror(stdout);
	int reason = 0;

	if (fflush(stdout)) {
		failed = true;
		reason = errno;
	}
	if (fclose(stdout) && !failed) {
		failed = true;
		reason = errno;
	}
	if (!failed)
		return exit_code;
	if (reason == EPIPE) /* the reader had enough: not an error worth words */
		raise(SIGPIPE);
	ts_err(-reason, "cannot write to standard output%s%s", reason ? ": " : "",
	       reason ? strerror(reason) : "");
	return TS_EXIT_FAILURE;
}
