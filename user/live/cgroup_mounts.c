// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup_mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mountinfo.h"

static int scan(const struct ts_live *live, const char *controller, char *text,
		struct ts_cgroup_mount *mount)
{
	bool whole[TS_CGROUP_MOUNTS] = {false}, found[TS_CGROUP_MOUNTS] = {false};
	char path[TS_CGROUP_MOUNTS][TS_PROC_PATH_MAX];
	char *line;
	int count = 0;

	while ((line = ts_take_line(&text))) {
		struct ts_mount_line entry;
		bool unified;

		if (!ts_mount_line_parse(line, &entry))
			return -EPROTO;
		unified = !strcmp(entry.type, "cgroup2");
		if (!unified && (strcmp(entry.type, "cgroup") ||
				 !ts_mount_has_option(entry.options, controller)))
			continue;
		/* The first, unless a later one shows the whole hierarchy and it does not. */
		if (found[unified] && (whole[unified] || strcmp(entry.root, "/")))
			continue;
		ts_mount_unescape(entry.point);
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

int ts_cgroup_mounts(const struct ts_live *live, const char *controller,
		     struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS], char path[TS_PROC_PATH_MAX])
{
	struct ts_procfile file;
	int result = ts_procfile_open(&file, live->proc, "self/mountinfo");

	snprintf(path, TS_PROC_PATH_MAX, "%s", file.path);
	if (!result)
		result = ts_procfile_read(&file);
	if (!result)
		result = scan(live, controller, file.text, mount);
	ts_procfile_close(&file);
	return result;
}
