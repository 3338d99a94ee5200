/* SPDX-License-Identifier: GPL-2.0-only */
/* Alert rules for Prometheus, made from a profile. */
#ifndef TUNESCOPE_ALERT_RULES_H
#define TUNESCOPE_ALERT_RULES_H

#include <stdio.h>
#include "../profile.h"

/*
 * A rule file (YAML) about the exporter's metrics: an alert for each warning and critical value of
 * the profile's objectives, for each rule that it leaves on, and for tunescope itself.
 */
void ts_render_alert_rules(FILE *out, const struct ts_profile *profile);

#endif
