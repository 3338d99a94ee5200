/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_WORDS_H
#define TUNESCOPE_WORDS_H

#include <stddef.h>

#define TS_WORD_FAR 64

/*
 * Edits (insert, delete, replace) that turn one word into the other; TS_WORD_FAR when one of them
 * is as long as that.
 */
size_t ts_word_distance(const char *a, const char *b);

#endif
