// SPDX-License-Identifier: GPL-2.0-only
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES    (32 * 1024)
#define INTERN_BUCKETS 256

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

struct interned {
	struct interned *next;
	char text[];
};

struct ts_arena {
	struct chunk *chunk; /* the one being filled; full ones follow */
	struct interned *interned[INTERN_BUCKETS];
};

static void *existing_or_exit(void *memory, size_t size)
{
	if (!memory) {
		fprintf(stderr, "tunescope: out of memory (%zu bytes)\n", size);
		exit(3);
	}
	return memory;
}

static void *allocate_or_exit(size_t size)
{
	return existing_or_exit(calloc(1, size), size);
}

void *ts_memory_resize(void *memory, size_t size)
{
	return existing_or_exit(realloc(memory, size), size);
}

void ts_memory_free(void *memory)
{
	free(memory);
}

struct ts_arena *ts_arena_new(void)
{
	return allocate_or_exit(sizeof(struct ts_arena));
}

void ts_arena_free(struct ts_arena *arena)
{
	struct chunk *chunk, *next;

	if (!arena)
		return;
	for (chunk = arena->chunk; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

void *ts_arena_alloc(struct ts_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunk;
	void *memory;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES / 4 ? size : CHUNK_BYTES;
		struct chunk *fresh = allocate_or_exit(sizeof *fresh + room);

		fresh->size = room;
		/* A large block gets a chunk of its own, behind the one that still has room. */
		if (chunk && room == size) {
			fresh->next = chunk->next;
			chunk->next = fresh;
		} else {
			fresh->next = chunk;
			arena->chunk = fresh;
		}
		chunk = fresh;
	}
	memory = chunk->data + chunk->used;
	chunk->used += size;
	return memory;
}

char *ts_arena_strdup(struct ts_arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(ts_arena_alloc(arena, size), text, size);
}

char *ts_arena_printf(struct ts_arena *arena, const char *format, ...)
{
	va_list arguments, again;
	char *text;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	text = ts_arena_alloc(arena, (length < 0 ? 0 : (size_t)length) + 1);
	if (length > 0)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

const char *ts_arena_intern(struct ts_arena *arena, const char *text)
{
	struct interned **bucket, *entry;
	uint32_t hash = 2166136261u; /* FNV-1a */
	size_t size;

	if (!text || !*text)
		return "";
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	bucket = &arena->interned[hash % INTERN_BUCKETS];
	for (entry = *bucket; entry; entry = entry->next)
		if (!strcmp(entry->text, text))
			return entry->text;
	size = strlen(text) + 1;
	entry = ts_arena_alloc(arena, sizeof *entry + size);
	memcpy(entry->text, text, size);
	entry->next = *bucket;
	*bucket = entry;
	return entry->text;
}

void *ts_arena_grow(struct ts_arena *arena, void *array, size_t count, size_t *capacity,
		    size_t element_size)
{
	void *larger;

	if (count < *capacity)
		return array;
	*capacity = *capacity ? *capacity * 2 : 8;
	larger = ts_arena_alloc(arena, *capacity * element_size);
	if (count)
		memcpy(larger, array, count * element_size);
	return larger;
}
