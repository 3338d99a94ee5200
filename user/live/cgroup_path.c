// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup_path.h"

#include <string.h>

#include "procfile.h"

/* Is it one of the comma-separated controllers? */
static bool names(const char *controllers, const char *wanted)
{
	size_t length;

	for (; *controllers; controllers += length + (controllers[length] == ',')) {
		length = strcspn(controllers, ",");
		if (length == strlen(wanted) && !strncmp(controllers, wanted, length))
			return true;
	}
	return false;
}

const char *ts_cgroup_path(char *text, const char *controller)
{
	const char *its = "", *unified = "";

	for (char *line = ts_take_line(&text); line; line = ts_take_line(&text)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		if (!*++controllers)
			unified = path;
		else if (names(controllers, controller))
			its = path;
	}
	return (!*its || !strcmp(its, "/")) && *unified ? unified : its;
}
