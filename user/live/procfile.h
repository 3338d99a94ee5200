/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading /proc and /sys: whole files into memory, then numbers and words out of them. Nothing here
 * guesses: what is cut short or is no number is an error with a reason.
 */
#ifndef TUNESCOPE_PROCFILE_H
#define TUNESCOPE_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "source.h"

#define TS_PROC_PATH_MAX 512

/* A file that stays open and is read again and again from its start. */
struct ts_procfile {
	int descriptor; /* -1: closed */
	char path[TS_PROC_PATH_MAX];
	char *text; /* what was read last, NUL-terminated; the caller may write into it */
	size_t length, capacity;
};

/*
 * Errors besides those of open and read: -ENODATA the file is empty, -EBADMSG it does not end in a
 * newline (cut short), -EFBIG it is larger than any sane one, -EPROTO its content is not understood
 * (for callers that parse).
 */
int ts_procfile_open(struct ts_procfile *file, const char *directory, const char *name);
int ts_procfile_read(struct ts_procfile *file);
/*
 * Whether tasks have waited for least_us more since the last call, by a file of /proc/pressure:
 * total_us keeps how long they had; where it is 0, that was the first call. Errors as above.
 */
int ts_procfile_waited(struct ts_procfile *file, __u64 *total_us, __u64 least_us);
void ts_procfile_close(
	struct ts_procfile *file); /* also after a failed open, or zeroed and never opened */

/* The reason a person understands, from an error of the functions above. */
void ts_proc_why(char why[256], const char *path, int error);

/*
 * A small attribute in one read: trailing white space removed, NUL-terminated. Its length, or a
 * negative errno (-EFBIG when it does not fit). path is relative to directory (AT_FDCWD is fine).
 */
ssize_t ts_read_small(int directory, const char *path, char *text, size_t size);
/* The same of a file that is open, from its beginning. */
ssize_t ts_read_open(int descriptor, char *text, size_t size);

/* "/proc/…" or "/sys/…" below the roots live reads from; anything else as it is. -ENAMETOOLONG. */
int ts_live_path(const struct ts_live *live, const char *path, char *result, size_t size);

/* Cuts the next line off *text (its newline becomes NUL); NULL at the end. */
char *ts_take_line(char **text);
/* Cuts the next word off *text; words are separated by blanks and tabs. NULL at the end. */
char *ts_take_word(char **text);

/*
 * A number at the start of *text, blanks before it skipped; moves *text behind it. False, and *text
 * unmoved, unless it is in range and ends at a blank, a newline or the end of the text.
 */
bool ts_take_number(char **text, __u64 *value);
bool ts_take_hexadecimal(char **text, __u64 *value);

/* text is a number and nothing else. */
bool ts_is_number(const char *text, __u64 *value);

/* A set of names that is asked many times. */
struct ts_name_set {
	const char **name; /* by hash; at most half full */
	size_t size;
};

int ts_name_set_open(struct ts_name_set *set, const char *const *names, size_t count);
const char *ts_name_set_find(const struct ts_name_set *set, const char *name); /* NULL: not in it */
void ts_name_set_close(struct ts_name_set *set);

#endif
