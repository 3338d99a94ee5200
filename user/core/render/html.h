/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A timeline as one HTML file that needs nothing else: charts are inline SVG, what the small script
 * shows on hovering stands beside each chart, and no figure depends on the script.
 */
#ifndef TUNESCOPE_HTML_H
#define TUNESCOPE_HTML_H

#include <stdio.h>
#include "../timeline.h"

/* recording: what is known of damage and missing frames; NULL: nothing. Errors stay in out. */
void ts_render_html(FILE *out, const struct ts_timeline *timeline,
		    const struct ts_recording *recording);

#endif
