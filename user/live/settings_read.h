/* SPDX-License-Identifier: GPL-2.0-only */
/* The present values of all the tunables in ts_settings. */
#ifndef TUNESCOPE_SETTINGS_READ_H
#define TUNESCOPE_SETTINGS_READ_H

#include "source.h"

/*
 * Keeps what makes reading them again cheap. The global ones and those of the namespace tunescope
 * was started in are read again when one of them has been written (settings_watch.h), those of
 * other namespaces and of devices when their share of a CPU allows (after a few seconds on most
 * hosts), and all of them at least every nine seconds. Devices and namespaces that come or go are
 * seen at once.
 */
struct ts_settings_cache;

struct ts_settings_cache *ts_settings_cache_open(void); /* NULL: out of memory */
void ts_settings_cache_close(struct ts_settings_cache *cache);

/*
 * Global ones once, those of a network namespace in each live one, those of a device for each disk.
 * With live->settings NULL everything is read anew.
 */
void ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot);

#endif
