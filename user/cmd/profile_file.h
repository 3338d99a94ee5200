/* SPDX-License-Identifier: GPL-2.0-only */
/* Where profiles are looked for. */
#ifndef TUNESCOPE_PROFILE_FILE_H
#define TUNESCOPE_PROFILE_FILE_H

struct ts_profile;

/*
 * name: NULL for the built-in defaults, a path when it contains a '/', otherwise NAME.conf in the
 * source tree this binary was built in, in PREFIX/share/tunescope/profiles or in
 * /etc/tunescope/profiles. 0, or a negative errno with the mistake printed.
 */
int ts_profile_load(const char *name, struct ts_profile *profile);

#endif
