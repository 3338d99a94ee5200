// SPDX-License-Identifier: GPL-2.0-only
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool ts_verbose;

static void __attribute__((format(printf, 2, 0)))
print(const char *prefix, const char *format, va_list arguments)
{
	/* One write for the whole line, so that lines of several processes do not mix. */
	char line[1024];

	vsnprintf(line, sizeof line, format, arguments);
	fprintf(stderr, "%s%s\n", prefix, line);
}

int ts_err(int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print("tunescope: ", format, arguments);
	va_end(arguments);
	return error;
}

void ts_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print("tunescope: warning: ", format, arguments);
	va_end(arguments);
}

void ts_debug(const char *format, ...)
{
	va_list arguments;

	if (!ts_verbose)
		return;
	va_start(arguments, format);
	print("tunescope: ", format, arguments);
	va_end(arguments);
}
