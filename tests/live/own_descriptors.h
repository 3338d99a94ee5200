/* SPDX-License-Identifier: GPL-2.0-only */
/* How many descriptors this process has: to be included after cmocka.h. */
#ifndef TUNESCOPE_TESTS_OWN_DESCRIPTORS_H
#define TUNESCOPE_TESTS_OWN_DESCRIPTORS_H

#include <dirent.h>

static inline size_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

#endif
