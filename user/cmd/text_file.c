// SPDX-License-Identifier: GPL-2.0-only
#include "text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (256 * 1024)

char *ts_text_file_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t length;
	int error = 0;

	if (!file)
		return NULL;
	text = malloc(BYTES_MAX + 1);
	length = text ? fread(text, 1, BYTES_MAX + 1, file) : 0;
	if (!text)
		error = ENOMEM;
	else if (ferror(file))
		error = errno;
	else if (length > BYTES_MAX)
		error = EFBIG;
	else if (memchr(text, '\0', length))
		error = EILSEQ; /* not a text file */
	fclose(file);
	if (error) {
		free(text);
		errno = error;
		return NULL;
	}
	text[length] = '\0';
	return text;
}
