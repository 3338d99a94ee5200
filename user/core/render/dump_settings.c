// SPDX-License-Identifier: GPL-2.0-only
#include "dump_settings.h"

#include <string.h>

static bool equal(const struct ts_setting_value *a, const struct ts_setting_value *b)
{
	return a->status == b->status && !strcmp(a->value, b->value) &&
	       !strcmp(a->choices, b->choices) && !strcmp(a->why, b->why);
}

/* They nearly always stand in the same order: the one at the same place is looked at first. */
static const struct ts_setting_value *find(const struct ts_snapshot *snapshot, size_t hint,
					   const struct ts_setting_value *wanted)
{
	for (size_t n = 0; n < snapshot->settings; n++) {
		const struct ts_setting_value *v =
			&snapshot->setting[(hint + n) % snapshot->settings];

		if (v->id == wanted->id && !strcmp(v->scope, wanted->scope))
			return v;
	}
	return NULL;
}

bool ts_setting_changed(const struct ts_snapshot *before, const struct ts_snapshot *after, size_t i,
			const struct ts_setting_value **old)
{
	*old = before ? find(before, i, &after->setting[i]) : NULL;
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
