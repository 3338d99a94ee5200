// SPDX-License-Identifier: GPL-2.0-only
#include "profile_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text_file.h"
#include "../core/error.h"
#include "../core/profile.h"

static int load(const char *path, struct ts_profile *profile)
{
	char *text = ts_text_file_read(path);
	int error;

	if (!text)
		return ts_err(-errno, "cannot read the profile %s: %s", path,
			      errno == EILSEQ ? "it is not a text file" : strerror(errno));
	error = ts_profile_parse(text, path, profile);
	free(text);
	return error;
}

/*
 * Where the profiles of this binary are: beside the source for build/tunescope, below ../share for
 * an installed one, wherever that was put (make install takes any PREFIX).
 */
static void own_profiles(char path[PATH_MAX])
{
	char executable[PATH_MAX], *slash, tree[PATH_MAX + 32];
	ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);

	path[0] = '\0';
	if (length <= 0)
		return;
	executable[length] = '\0';
	for (int up = 0; up < 2; up++) {
		slash = strrchr(executable, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
	snprintf(tree, sizeof tree, "%s/user/main.c", executable);
	snprintf(path, PATH_MAX, "%.*s%s/profiles", PATH_MAX - 32, executable,
		 access(tree, F_OK) ? "/share/tunescope" : "");
}

int ts_profile_load(const char *name, struct ts_profile *profile)
{
	char own[PATH_MAX], path[PATH_MAX + 64];
	const char *const directory[] = {own, "/etc/tunescope/profiles"};

	ts_profile_defaults(profile);
	if (!name)
		return 0;
	if (strchr(name, '/'))
		return load(name, profile);
	own_profiles(own);
	for (size_t i = 0; i < sizeof directory / sizeof directory[0]; i++) {
		if (!*directory[i])
			continue;
		snprintf(path, sizeof path, "%s/%.48s.conf", directory[i], name);
		if (!access(path, F_OK))
			return load(path, profile);
	}
	return ts_err(-ENOENT,
		      "there is no profile '%s': looked for %s.conf in %s%s%s (a path must contain "
		      "a '/')",
		      name, name, own, *own ? " and " : "", directory[1]);
}
