/* SPDX-License-Identifier: GPL-2.0-only */
/* The present values of all the tunables in ts_settings. */
#ifndef TUNESCOPE_SETTINGS_READ_H
#define TUNESCOPE_SETTINGS_READ_H

#include "source.h"

/* Global ones once, those of a network namespace in each live one, those of a device for each disk.
 */
void ts_settings_snapshot(struct ts_live *live, struct ts_snapshot *snapshot);

#endif
