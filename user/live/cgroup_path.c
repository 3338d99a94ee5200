// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup_path.h"

#include <string.h>

#include "procfile.h"

/* Is "cpu" one of the comma-separated controllers? */
static bool names_cpu(const char *controllers)
{
	size_t length;

	for (; *controllers; controllers += length + (controllers[length] == ',')) {
		length = strcspn(controllers, ",");
		if (length == 3 && !strncmp(controllers, "cpu", 3))
			return true;
	}
	return false;
}

const char *ts_cpu_cgroup(char *text)
{
	const char *cpu = "", *unified = "";

	for (char *line = ts_take_line(&text); line; line = ts_take_line(&text)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		if (!*++controllers)
			unified = path;
		else if (names_cpu(controllers))
			cpu = path;
	}
	return (!*cpu || !strcmp(cpu, "/")) && *unified ? unified : cpu;
}
