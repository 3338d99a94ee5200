// SPDX-License-Identifier: GPL-2.0-only
/* [settings] in a profile: what a guide asks for, to be audited. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "profile_reader.h"

/* "net.core.somaxconn" */
static bool is_sysctl(const char *name)
{
	if (!islower((unsigned char)*name) || !strchr(name, '.'))
		return false;
	return !name[strspn(name,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")];
}

static bool is_setting(const char *name)
{
	static const char *const beginnings[] = {"/sys/", "rlimit/", "mount/", "cpufreq/"};

	if (strstr(name, "..") || strpbrk(name, " \t"))
		return false;
	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
		if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
			return name[strlen(beginnings[i])];
	return is_sysctl(name);
}

int ts_settings_key(struct ts_profile_reader *reader, const char *key, const char *value)
{
	struct ts_profile *profile = &reader->profile;
	struct ts_wanted *wanted;

	if (!is_setting(key) || strlen(key) >= sizeof wanted->name)
		return ts_profile_mistake(
			reader,
			"\"%.64s\": accepted are a sysctl (net.core.somaxconn), an attribute "
			"(/sys/block/*/queue/scheduler), rlimit/nofile@PROGRAM, mount/noatime and "
			"cpufreq/scaling_governor",
			key);
	if (!*value || strlen(value) >= sizeof wanted->value)
		return ts_profile_mistake(reader,
					  "%s = \"%.64s\": accepted are 1 to %zu characters", key,
					  value, sizeof wanted->value - 1);
	for (size_t i = 0; i < profile->wants; i++)
		if (!strcmp(profile->wanted[i].name, key))
			return ts_profile_mistake(reader, "\"%s\" is given twice in [settings]",
						  key);
	if (profile->wants == TS_WANTED_MAX)
		return ts_profile_mistake(reader, "[settings]: at most %d are accepted",
					  TS_WANTED_MAX);
	wanted = &profile->wanted[profile->wants++];
	snprintf(wanted->name, sizeof wanted->name, "%s", key);
	snprintf(wanted->value, sizeof wanted->value, "%s", value);
	wanted->line = reader->line;
	return 1;
}
