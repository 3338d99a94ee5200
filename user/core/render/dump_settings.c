// SPDX-License-Identifier: GPL-2.0-only
#include "dump_settings.h"

#include <string.h>

static bool equal(const struct ts_setting_value *a, const struct ts_setting_value *b)
{
	return a->status == b->status && !strcmp(a->value, b->value) &&
	       !strcmp(a->choices, b->choices) && !strcmp(a->why, b->why);
}

bool ts_setting_changed(const struct ts_snapshot *before, const struct ts_snapshot *after, size_t i,
			const struct ts_setting_value **old)
{
	*old = before ? ts_setting_among(before->setting, before->settings, i, &after->setting[i])
		      : NULL;
	return !*old || !equal(*old, &after->setting[i]);
}

bool ts_settings_changed(const struct ts_snapshot *before, const struct ts_snapshot *after)
{
	const struct ts_setting_value *old;

	if (!before || before->settings != after->settings)
		return true;
	for (size_t i = 0; i < after->settings; i++)
		if (ts_setting_changed(before, after, i, &old))
			return true;
	return false;
}
