/* SPDX-License-Identifier: GPL-2.0-only */
/* Untrusted text; see also ts_escape_terminal in render.h. */
#ifndef TUNESCOPE_ESCAPE_H
#define TUNESCOPE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ts_arena;

/* Length in bytes of the first character, or 0 when it is not valid UTF-8. */
size_t ts_utf8_decode(const char *text, uint32_t *code_point);

/* For a terminal; without utf8 a few signs are spelt (x for a multiplication sign) and everything
 * else beyond ASCII becomes \xNN as well. */
const char *ts_escape(struct ts_arena *arena, const char *text, bool utf8);

/* Invalid bytes become U+FFFD, the rest stays as it is: JSON escapes it itself. */
const char *ts_utf8_clean(struct ts_arena *arena, const char *text);

#endif
