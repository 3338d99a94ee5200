// SPDX-License-Identifier: GPL-2.0-only
#include "csv.h"

#include <string.h>

void ts_csv_text(FILE *out, const char *value)
{
	if (!value[strcspn(value, ",\"\r\n")]) {
		fputs(value, out);
		return;
	}
	fputc('"', out);
	for (; *value; value++) {
		if (*value == '"')
			fputc('"', out);
		fputc(*value, out);
	}
	fputc('"', out);
}
