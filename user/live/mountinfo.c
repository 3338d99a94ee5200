// SPDX-License-Identifier: GPL-2.0-only
#include "mountinfo.h"

#include <string.h>

#include "procfile.h"

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:7 - tmpfs tmpfs rw,mode=755" */
bool ts_mount_line_parse(char *line, struct ts_mount_line *mount)
{
	char *word;

	if (!ts_take_word(&line) || !ts_take_word(&line))
		return false;
	mount->device = ts_take_word(&line);
	mount->root = ts_take_word(&line);
	mount->point = ts_take_word(&line);
	mount->flags = ts_take_word(&line);
	while ((word = ts_take_word(&line)) && strcmp(word, "-"))
		;
	mount->type = ts_take_word(&line);
	mount->source = ts_take_word(&line);
	mount->options = ts_take_word(&line);
	return mount->point && mount->type && mount->options;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void ts_mount_unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) &&
		    is_octal(text[3])) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

bool ts_mount_has_option(const char *options, const char *wanted)
{
	size_t length = strlen(wanted);

	for (const char *at = options; (at = strstr(at, wanted)); at += length)
		if ((at == options || at[-1] == ',') && (!at[length] || at[length] == ','))
			return true;
	return false;
}
