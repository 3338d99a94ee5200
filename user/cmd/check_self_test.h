/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_CHECK_SELF_TEST_H
#define TUNESCOPE_CHECK_SELF_TEST_H

#include "../core/compare.h"
#include "../core/run_set.h"

/* Prints what a baseline is worth. An exit code: 4 when it has too few runs to say. */
int ts_check_self_test(const struct ts_run_set *baseline, const struct ts_compare_options *how);

#endif
