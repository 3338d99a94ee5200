// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

#include <string.h>

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t ts_word_distance(const char *a, const char *b)
{
	size_t row[TS_WORD_FAR], la = strlen(a), lb = strlen(b);

	if (la >= TS_WORD_FAR || lb >= TS_WORD_FAR)
		return TS_WORD_FAR;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = smallest(above + 1, row[j - 1] + 1,
					  diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}
