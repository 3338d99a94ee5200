// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup_mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct mount_line {
	char *root, *point, *type, *options;
};

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:7 - tmpfs tmpfs rw,mode=755" */
static bool parse_line(char *line, struct mount_line *mount)
{
	char *word;

	for (int i = 0; i < 3; i++)
		if (!ts_take_word(&line))
			return false;
	mount->root = ts_take_word(&line);
	mount->point = ts_take_word(&line);
	while ((word = ts_take_word(&line)) && strcmp(word, "-"))
		;
	mount->type = ts_take_word(&line);
	word = ts_take_word(&line); /* source */
	mount->options = ts_take_word(&line);
	return mount->point && mount->type && mount->options;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Blanks, tabs, newlines and backslashes stand as \040 and so on. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
		    is_octal(text[3])) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

static bool has_option(char *options, const char *wanted)
{
	char *option;

	while ((option = strsep(&options, ",")))
		if (!strcmp(option, wanted))
			return true;
	return false;
}

static int scan(const struct ts_live *live, char *text, struct ts_cgroup_mount *mount)
{
	bool whole[TS_CGROUP_MOUNTS] = {false}, found[TS_CGROUP_MOUNTS] = {false};
	char path[TS_CGROUP_MOUNTS][TS_PROC_PATH_MAX];
	char *line;
	int count = 0;

	while ((line = ts_take_line(&text))) {
		struct mount_line entry;
		bool unified;

		if (!parse_line(line, &entry))
			return -EPROTO;
		unified = !strcmp(entry.type, "cgroup2");
		if (!unified && (strcmp(entry.type, "cgroup") || !has_option(entry.options, "cpu")))
			continue;
		/* The first, unless a later one shows the whole hierarchy and it does not. */
		if (found[unified] && (whole[unified] || strcmp(entry.root, "/")))
			continue;
		unescape(entry.point);
		if (ts_live_path(live, entry.point, path[unified], sizeof path[unified]))
			continue;
		found[unified] = true;
		whole[unified] = !strcmp(entry.root, "/");
	}
	for (int unified = 0; unified < TS_CGROUP_MOUNTS; unified++) {
		if (!found[unified])
			continue;
		mount[count].unified = unified;
		memcpy(mount[count++].path, path[unified], sizeof path[unified]);
	}
	return count;
}

int ts_cgroup_mounts(const struct ts_live *live, struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS],
		     char path[TS_PROC_PATH_MAX])
{
	struct ts_procfile file;
	int result = ts_procfile_open(&file, live->proc, "self/mountinfo");

	snprintf(path, TS_PROC_PATH_MAX, "%s", file.path);
	if (!result)
		result = ts_procfile_read(&file);
	if (!result)
		result = scan(live, file.text, mount);
	ts_procfile_close(&file);
	return result;
}
