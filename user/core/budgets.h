/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file of budgets: what is allowed to change of a family, and which way is worse. A line each:
 *
 *   family[.statistic]  allowed  [up-is-worse | down-is-worse]
 *
 * allowed is a percentage ("25%") or "any"; "#" begins a comment; the last line that fits counts.
 */
#ifndef TUNESCOPE_BUDGETS_H
#define TUNESCOPE_BUDGETS_H

#include "compare.h"

struct ts_arena;

/* 0, or -EINVAL with "name:line: …" printed. The budgets live in the arena. */
int ts_budgets_parse(const char *text, const char *name, struct ts_arena *arena,
		     struct ts_budget **budget, size_t *budgets);

#endif
