/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_CSV_H
#define TUNESCOPE_CSV_H

#include <stdio.h>

/* A field of comma-separated values (RFC 4180), in quotes where it must be. */
void ts_csv_text(FILE *out, const char *value);

#endif
