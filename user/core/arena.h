/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is given back all at once: everything a snapshot or a report points to. */
#ifndef TUNESCOPE_ARENA_H
#define TUNESCOPE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct ts_arena;

/* Allocation failure ends the program with a message: there is no way to go on without memory. */
struct ts_arena *ts_arena_new(void);

/* realloc and free, for what lives in no arena. */
void *ts_memory_resize(void *memory, size_t size);
void ts_memory_free(void *memory);
void ts_arena_free(struct ts_arena *arena); /* NULL is fine */

/* Zeroed, aligned for any type. */
void *ts_arena_alloc(struct ts_arena *arena, size_t size);
char *ts_arena_strdup(struct ts_arena *arena, const char *text);
char *ts_arena_printf(struct ts_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Equal strings get one copy; NULL gives "". */
const char *ts_arena_intern(struct ts_arena *arena, const char *text);

/*
 * Room for one more element of a growing array: returns the array, moved when it was full.
 * count is the number in use, *capacity is updated.
 */
void *ts_arena_grow(struct ts_arena *arena, void *array, size_t count, size_t *capacity,
		    size_t element_size);

#endif
