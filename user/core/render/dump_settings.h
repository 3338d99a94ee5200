/* SPDX-License-Identifier: GPL-2.0-only */
/* Which settings changed from one window to the next. */
#ifndef TUNESCOPE_DUMP_SETTINGS_H
#define TUNESCOPE_DUMP_SETTINGS_H

#include "../snapshot.h"

/* before: NULL for the first window, in which all are new. */
bool ts_settings_changed(const struct ts_snapshot *before, const struct ts_snapshot *after);

/* Whether setting number i of after differs; *old is what it was, NULL when it was not there. */
bool ts_setting_changed(const struct ts_snapshot *before, const struct ts_snapshot *after, size_t i,
			const struct ts_setting_value **old);

#endif
