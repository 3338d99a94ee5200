// SPDX-License-Identifier: GPL-2.0-only
#include "settings_watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/inotify.h>

#include "procfile.h"

#define WRITTEN (IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE)

/* False: it could not be told when the setting is written. One that is not there is none. */
static bool add(int descriptor, const struct ts_live *live, const char *setting)
{
	char path[TS_PROC_PATH_MAX], *slash;

	if (ts_live_path(live, setting, path, sizeof path))
		return false;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return inotify_add_watch(descriptor, path, WRITTEN | IN_ONLYDIR) >= 0 || errno == ENOENT;
}

static void begin(struct ts_settings_watch *watch, const struct ts_live *live)
{
	bool added = true;

	watch->tried = true;
	watch->descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	for (int id = 0; id < TS_SETTING_COUNT && watch->descriptor >= 0 && added; id++)
		if (ts_settings[id].scope == TS_SCOPE_GLOBAL ||
		    ts_settings[id].scope == TS_SCOPE_NETNS)
			added = add(watch->descriptor, live, ts_settings[id].path);
	if (!added)
		ts_settings_watch_close(watch);
}

bool ts_settings_watch_written(struct ts_settings_watch *watch, const struct ts_live *live)
{
	_Alignas(struct inotify_event) char events[4096];
	bool written = false;
	ssize_t length;

	if (!watch->tried) {
		begin(watch, live);
		return true;
	}
	if (watch->descriptor < 0)
		return true;
	while ((length = read(watch->descriptor, events, sizeof events)) > 0)
		written = true;
	return written || (errno != EAGAIN && errno != EINTR);
}

void ts_settings_watch_close(struct ts_settings_watch *watch)
{
	if (watch->descriptor >= 0)
		close(watch->descriptor);
	watch->descriptor = -1;
}
