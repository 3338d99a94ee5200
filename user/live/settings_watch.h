/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells when settings of the host, or of the network namespace tunescope was started in, have been
 * written: the kernel tells so (inotify) of files in /proc/sys and /sys that are written through
 * the same /proc and /sys. What the kernel changes by itself, or somebody through another /proc,
 * is not seen, so settings are to be read now and then all the same.
 *
 * The directories must stay in the kernel's cache, which they do while a file in them is open.
 */
#ifndef TUNESCOPE_SETTINGS_WATCH_H
#define TUNESCOPE_SETTINGS_WATCH_H

#include "source.h"

struct ts_settings_watch {
	int descriptor; /* -1: it does not watch */
	bool tried;
};

/*
 * Whether one may have been written since the last call: also with the first one, which begins to
 * watch, and always when it cannot be told.
 */
bool ts_settings_watch_written(struct ts_settings_watch *watch, const struct ts_live *live);
void ts_settings_watch_close(struct ts_settings_watch *watch);

#endif
