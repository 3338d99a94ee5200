/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of /proc/self/mountinfo. */
#ifndef TUNESCOPE_MOUNTINFO_H
#define TUNESCOPE_MOUNTINFO_H

#include <stdbool.h>

struct ts_mount_line {
	const char *device; /* "8:1"; major 0 for what has no block device */
	char *root, *point; /* escaped as the kernel does it */
	char *flags;	    /* of this mount: "rw,relatime" */
	char *type, *source, *options;
};

/* Cuts the line into its words. False: it is none. */
bool ts_mount_line_parse(char *line, struct ts_mount_line *mount);

/* Blanks, tabs, newlines and backslashes stand as \040 and so on. */
void ts_mount_unescape(char *text);

/* One of the options in a list with commas. */
bool ts_mount_has_option(const char *options, const char *wanted);

#endif
