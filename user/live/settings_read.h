/* SPDX-License-Identifier: GPL-2.0-only */
/* The present values of all the tunables in ts_settings. */
#ifndef TUNESCOPE_SETTINGS_READ_H
#define TUNESCOPE_SETTINGS_READ_H

#include "source.h"

/*
 * Keeps what makes reading them again cheap: descriptors of the global ones and of those of the
 * namespace tunescope was started in, which are read each time; and the values of the other
 * namespaces' and of the devices' settings. These are read again when reading them last has cost
 * less than 1/3000 of the time since (each second on most hosts), and at least every nine seconds.
 * Devices and namespaces that come or go are seen at once.
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
