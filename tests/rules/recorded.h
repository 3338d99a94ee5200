/* SPDX-License-Identifier: GPL-2.0-only */
/* Every window that a rule's test makes goes through a recording, too. */
#ifndef TUNESCOPE_TESTS_RECORDED_H
#define TUNESCOPE_TESTS_RECORDED_H

#include "../../user/core/report.h"

/*
 * Records the report's window, reads it back and judges it again with the same profile: the two
 * reports must be equal to the last character of their JSON.
 */
void recorded_is_judged_alike(const struct ts_report *report);

#endif
