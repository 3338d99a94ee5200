// SPDX-License-Identifier: GPL-2.0-only
#include "procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY 8192
#define LEAST_CAPACITY 64
#define LARGEST_FILE   (8u << 20) /* /proc/stat of 8192 CPUs with their interrupts stays below */

int ts_procfile_open(struct ts_procfile *file, const char *directory, const char *name)
{
	int length;

	memset(file, 0, sizeof *file);
	file->descriptor = -1;
	length = snprintf(file->path, sizeof file->path, "%s/%s", directory, name);
	if (length < 0 || (size_t)length >= sizeof file->path)
		return -ENAMETOOLONG;
	file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
	return file->descriptor < 0 ? -errno : 0;
}

void ts_procfile_close(struct ts_procfile *file)
{
	/* A zeroed one was never opened; 0 is only its own descriptor when it has a path. */
	if (file->path[0] && file->descriptor >= 0)
		close(file->descriptor);
	free(file->text);
	memset(file, 0, sizeof *file);
	file->descriptor = -1;
}

static int make_room(struct ts_procfile *file)
{
	size_t capacity = file->capacity ? file->capacity * 2 : FIRST_CAPACITY;
	char *text;

	if (file->length + 1 < file->capacity)
		return 0;
	if (capacity > LARGEST_FILE)
		return -EFBIG;
	text = realloc(file->text, capacity);
	if (!text)
		return -ENOMEM;
	file->text = text;
	file->capacity = capacity;
	return 0;
}

/* Most of these files are a few numbers: what a first read shows to be too much is given back. */
static void fit_room(struct ts_procfile *file)
{
	size_t capacity = 2 * file->length + LEAST_CAPACITY;
	char *text;

	if (file->capacity != FIRST_CAPACITY || capacity > FIRST_CAPACITY / 2)
		return;
	text = realloc(file->text, capacity);
	if (!text)
		return;
	file->text = text;
	file->capacity = capacity;
}

int ts_procfile_read(struct ts_procfile *file)
{
	/* Many of these files give a page per read, whatever is asked for: only 0 is the end. */
	for (file->length = 0;;) {
		int error = make_room(file);
		ssize_t got;

		if (error)
			return error;
		got = pread(file->descriptor, file->text + file->length,
			    file->capacity - file->length - 1, (off_t)file->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		file->length += (size_t)got;
	}
	file->text[file->length] = '\0';
	fit_room(file);
	if (!file->length)
		return -ENODATA;
	return file->text[file->length - 1] == '\n' ? 0 : -EBADMSG;
}

int ts_procfile_waited(struct ts_procfile *file, __u64 *total_us, __u64 least_us)
{
	static const char key[] = "total=";
	int error = ts_procfile_read(file);
	__u64 before = *total_us;
	char *at;

	if (error)
		return error;
	at = strstr(file->text, key); /* that of "some", which comes first */
	if (!at)
		return -EPROTO;
	at += sizeof key - 1;
	if (!ts_take_number(&at, total_us))
		return -EPROTO;
	return before && *total_us - before >= least_us;
}

void ts_proc_why(char why[256], const char *path, int error)
{
	static const struct {
		int error;
		const char *text;
	} reasons[] = {
		{ENODATA, "is empty"},
		{EBADMSG, "is cut short"},
		{EFBIG, "is larger than it can be"},
		{EPROTO, "does not look as this kernel interface should"},
	};

	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (-error == reasons[i].error) {
			snprintf(why, 256, "%.180s %s", path, reasons[i].text);
			return;
		}
	snprintf(why, 256, "cannot read %.180s: %s", path, strerror(-error));
}

ssize_t ts_read_open(int descriptor, char *text, size_t size)
{
	ssize_t length;

	/* Files of debugfs have no position but that of who has just opened them. */
	do {
		length = pread(descriptor, text, size, 0);
		if (length < 0 && errno == ESPIPE)
			length = read(descriptor, text, size);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	if ((size_t)length == size)
		return -EFBIG;
	while (length > 0 && strchr(" \t\n", text[length - 1]))
		length--;
	text[length] = '\0';
	return length;
}

ssize_t ts_read_small(int directory, const char *path, char *text, size_t size)
{
	int descriptor = openat(directory, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (descriptor < 0)
		return -errno;
	length = ts_read_open(descriptor, text, size);
	close(descriptor);
	return length;
}

int ts_live_path(const struct ts_live *live, const char *path, char *result, size_t size)
{
	const struct {
		const char *prefix, *root;
	} roots[] = {{"/proc", live->proc}, {"/sys", live->sys}};
	const char *root = "";
	int length;

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		size_t prefix = strlen(roots[i].prefix);

		if (!strncmp(path, roots[i].prefix, prefix) &&
		    (path[prefix] == '/' || !path[prefix])) {
			root = roots[i].root;
			path += prefix;
			break;
		}
	}
	length = snprintf(result, size, "%s%s", root, path);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

char *ts_take_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

char *ts_take_word(char **text)
{
	char *word = *text, *end;

	while (is_blank(*word))
		word++;
	if (!*word)
		return NULL;
	for (end = word; *end && !is_blank(*end); end++)
		;
	*text = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* 0..35, or 36 and above for what is neither digit nor letter. */
static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'z')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'Z')
		return (unsigned int)(c - 'A') + 10;
	return 36;
}

static bool take_number(char **text, __u64 *value, unsigned int base)
{
	char *at = *text;
	__u64 number = 0;
	char *first;

	while (is_blank(*at))
		at++;
	for (first = at; digit_value(*at) < base; at++) {
		unsigned int digit = digit_value(*at);

		if (number > (UINT64_MAX - digit) / base)
			return false;
		number = number * base + digit;
	}
	if (at == first || (*at && !is_blank(*at) && *at != '\n'))
		return false;
	*text = at;
	*value = number;
	return true;
}

bool ts_take_number(char **text, __u64 *value)
{
	return take_number(text, value, 10);
}

bool ts_take_hexadecimal(char **text, __u64 *value)
{
	return take_number(text, value, 16);
}

bool ts_is_number(const char *text, __u64 *value)
{
	char *at = (char *)text;

	return take_number(&at, value, 10) && !*at;
}

/* Where a name is, or would be. */
static const char **place_of(const struct ts_name_set *set, const char *name)
{
	__u32 hash = 2166136261u; /* FNV-1a */
	size_t i;

	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	for (i = hash & (set->size - 1); set->name[i] && strcmp(set->name[i], name);)
		i = (i + 1) & (set->size - 1);
	return &set->name[i];
}

int ts_name_set_open(struct ts_name_set *set, const char *const *names, size_t count)
{
	for (set->size = 4; set->size < 2 * count;)
		set->size *= 2;
	set->name = calloc(set->size, sizeof *set->name);
	if (!set->name)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		*place_of(set, names[i]) = names[i];
	return 0;
}

const char *ts_name_set_find(const struct ts_name_set *set, const char *name)
{
	return *place_of(set, name);
}

void ts_name_set_close(struct ts_name_set *set)
{
	free(set->name);
	set->name = NULL;
	set->size = 0;
}
