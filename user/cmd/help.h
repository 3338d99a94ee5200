/* SPDX-License-Identifier: GPL-2.0-only */
/* Help and version, written from the command and option tables. */
#ifndef TUNESCOPE_HELP_H
#define TUNESCOPE_HELP_H

#include <stdio.h>
#include "command.h"

void ts_help_overview(FILE *out);
void ts_help_command(FILE *out, const struct ts_command *command);
void ts_help_version(FILE *out);

#endif
