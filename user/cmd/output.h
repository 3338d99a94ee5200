/* SPDX-License-Identifier: GPL-2.0-only */
/* Standard output: how it may look, and whether all of it arrived. */
#ifndef TUNESCOPE_OUTPUT_H
#define TUNESCOPE_OUTPUT_H

#include "../core/render/render.h"

/* Values of --color. */
enum ts_color { TS_COLOR_AUTO, TS_COLOR_ALWAYS, TS_COLOR_NEVER };
extern const char *const ts_color_choices[];

/*
 * To be called first: makes sure that descriptors 0 to 2 are open (or a BPF map could become
 * "standard output") and that a closed pipe ends the program quietly, whatever the parent process
 * had ignored.
 */
void ts_output_start(void);

/* Terminal, NO_COLOR, locale, width. */
void ts_output_options_of(int descriptor, enum ts_color color, struct ts_render_options *options);
/* Of standard output. */
void ts_output_options(enum ts_color color, struct ts_render_options *options);

/*
 * To be called last: flushes and closes standard output. Returns exit_code, or TS_EXIT_FAILURE with
 * a message when not everything could be written.
 */
int ts_output_finish(int exit_code);

#endif
