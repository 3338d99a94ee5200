// SPDX-License-Identifier: GPL-2.0-only
#include "btf_reduce.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>

#define NAME_SLOTS 2048 /* a power of two */
#define NAMES_MAX  1024

struct names {
	const char *slot[NAME_SLOTS];
	bool begins[256][128]; /* with these two characters: sorts out most at once */
	size_t count;
};

enum keep {
	NOT_KEPT,
	AS_SHELL, /* a struct or union without its members */
	WHOLE,
};

struct reduction {
	const char *types, *strings;
	__u32 types_length, strings_length;
	struct names *names, *enumerators;
	__u32 count;	 /* of types, with void */
	__u32 *position; /* of each type; and its number in the new BTF, when it is known */
	__u32 *number;
	__u8 *keep;
	__u32 *stack; /* kept types whose parts were not looked at */
	__u32 depth;

	char *new_types, *new_strings;
	__u32 new_types_length, new_strings_length;
};

/* What follows a type's header: a fixed part, and a part for each of its members. */
static const struct {
	__u8 fixed, each;
} layout[] = {
	[BTF_KIND_INT] = {4, 0},	[BTF_KIND_PTR] = {0, 0},      [BTF_KIND_ARRAY] = {12, 0},
	[BTF_KIND_STRUCT] = {0, 12},	[BTF_KIND_UNION] = {0, 12},   [BTF_KIND_ENUM] = {0, 8},
	[BTF_KIND_FWD] = {0, 0},	[BTF_KIND_TYPEDEF] = {0, 0},  [BTF_KIND_VOLATILE] = {0, 0},
	[BTF_KIND_CONST] = {0, 0},	[BTF_KIND_RESTRICT] = {0, 0}, [BTF_KIND_FUNC] = {0, 0},
	[BTF_KIND_FUNC_PROTO] = {0, 8}, [BTF_KIND_VAR] = {4, 0},      [BTF_KIND_DATASEC] = {0, 12},
	[BTF_KIND_FLOAT] = {0, 0},	[BTF_KIND_DECL_TAG] = {4, 0}, [BTF_KIND_TYPE_TAG] = {0, 0},
	[BTF_KIND_ENUM64] = {0, 12},
};

/* ---- Sets of names */

static size_t hash_of(const char *name)
{
	__u32 hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (__u8)*name) * 16777619u;
	return hash & (NAME_SLOTS - 1);
}

static bool contains(const struct names *names, const char *name)
{
	if (!names->begins[(__u8)name[0]][(__u8)name[1] & 127])
		return false;
	for (size_t i = hash_of(name); names->slot[i]; i = (i + 1) & (NAME_SLOTS - 1))
		if (!strcmp(names->slot[i], name))
			return true;
	return false;
}

static int add_names(struct names *names, const char *const *name)
{
	for (; *name; name++) {
		size_t i = hash_of(*name);

		if (++names->count > NAMES_MAX)
			return -E2BIG;
		while (names->slot[i])
			i = (i + 1) & (NAME_SLOTS - 1);
		names->slot[i] = *name;
		names->begins[(__u8)(*name)[0]][(__u8)(*name)[1] & 127] = true;
	}
	return 0;
}

/* ---- Reading */

static const struct btf_type *type_at(const struct reduction *r, __u32 id)
{
	return (const void *)(r->types + r->position[id]);
}

static const char *string_at(const struct reduction *r, __u32 offset)
{
	return offset < r->strings_length ? r->strings + offset : "";
}

static const char *name_of(const struct reduction *r, const struct btf_type *type)
{
	return string_at(r, type->name_off);
}

static int find_sections(struct reduction *r, const void *data, size_t length)
{
	const struct btf_header *header = data;
	__u64 types, strings;

	if (length < sizeof *header || header->magic != BTF_MAGIC || header->version != BTF_VERSION)
		return -EINVAL;
	types = (__u64)header->hdr_len + header->type_off;
	strings = (__u64)header->hdr_len + header->str_off;
	if (types % 4 || types + header->type_len > length || strings + header->str_len > length ||
	    !header->str_len || ((const char *)data)[strings + header->str_len - 1])
		return -EINVAL;
	r->types = (const char *)data + types;
	r->types_length = header->type_len;
	r->strings = (const char *)data + strings;
	r->strings_length = header->str_len;
	return 0;
}

/* Bytes of a type; 0: not known, or it does not fit in what is left. */
static __u32 size_of(const struct btf_type *type, __u32 left)
{
	__u32 kind, size;

	if (left < sizeof *type)
		return 0;
	kind = btf_kind(type);
	if (!kind || kind >= sizeof layout / sizeof *layout)
		return 0;
	size = (__u32)sizeof *type + layout[kind].fixed + layout[kind].each * btf_vlen(type);
	return size <= left ? size : 0;
}

/* ---- Choosing */

static void keep(struct reduction *r, __u32 id, enum keep how)
{
	if (!id || id >= r->count || r->keep[id])
		return;
	r->keep[id] = (__u8)how;
	if (how == WHOLE)
		r->stack[r->depth++] = id;
}

static bool has_wanted_enumerator(const struct reduction *r, const struct btf_type *type)
{
	const char *value = (const char *)(type + 1);
	size_t each = layout[btf_kind(type)].each;

	for (__u32 i = 0; i < btf_vlen(type); i++, value += each) {
		if (contains(r->enumerators, string_at(r, *(const __u32 *)value)))
			return true;
	}
	return false;
}

static bool is_wanted(const struct reduction *r, const struct btf_type *type)
{
	const char *name;

	switch (btf_kind(type)) {
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		if (has_wanted_enumerator(r, type))
			return true;
		break;
	case BTF_KIND_FUNC:
		name = name_of(r, type);
		return *name == 'b' && !strncmp(name, "bpf_iter_", 9);
	case BTF_KIND_TYPEDEF:
		if (!strncmp(name_of(r, type), "btf_trace_", 10))
			return true;
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: break;
	default: return false;
	}
	name = name_of(r, type);
	return *name && contains(r->names, name);
}

static int find_wanted(struct reduction *r)
{
	__u32 position = 0, size;

	for (r->count = 1; position < r->types_length; r->count++, position += size) {
		const struct btf_type *type = (const void *)(r->types + position);

		size = size_of(type, r->types_length - position);
		if (!size)
			return -EINVAL;
		r->position[r->count] = position;
		if (is_wanted(r, type)) {
			r->keep[r->count] = WHOLE;
			r->stack[r->depth++] = r->count;
		}
	}
	return 0;
}

/* A part of something kept. */
static void keep_part(struct reduction *r, __u32 id)
{
	const struct btf_type *type;
	bool shell;

	if (!id || id >= r->count)
		return;
	type = type_at(r, id);
	shell = btf_is_composite(type) && *name_of(r, type);
	keep(r, id, shell ? AS_SHELL : WHOLE);
}

static void keep_parts(struct reduction *r, const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (__u32 i = 0; i < btf_vlen(type); i++)
			keep_part(r, btf_members(type)[i].type);
		return;
	case BTF_KIND_ARRAY:
		keep_part(r, btf_array(type)->type);
		keep_part(r, btf_array(type)->index_type);
		return;
	case BTF_KIND_PTR:
		if (type->type && type->type < r->count &&
		    btf_is_func_proto(type_at(r, type->type)))
			keep_part(r, type->type);
		return;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_FUNC: keep_part(r, type->type); return;
	default: return;
	}
}

/* ---- Writing */

static __u32 new_string(struct reduction *r, __u32 offset)
{
	const char *text = string_at(r, offset);
	__u32 length = (__u32)strlen(text) + 1, at = r->new_strings_length;

	if (!*text)
		return 0;
	memcpy(r->new_strings + at, text, length);
	r->new_strings_length += length;
	return at;
}

/* What is not kept has number 0, void. */
static __u32 new_number(const struct reduction *r, __u32 id)
{
	return id < r->count ? r->number[id] : 0;
}

static void copy_members(struct reduction *r, struct btf_type *copy)
{
	char *member = (char *)(copy + 1);
	__u32 kind = btf_kind(copy);

	for (__u32 i = 0; i < btf_vlen(copy); i++, member += layout[kind].each) {
		/* The members of each of these kinds begin with a name, and maybe a type. */
		__u32 *name = (__u32 *)member;

		*name = new_string(r, *name);
		if (kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION)
			name[1] = new_number(r, name[1]);
		else if (kind == BTF_KIND_FUNC_PROTO)
			name[1] = 0;
	}
}

static void copy_type(struct reduction *r, __u32 id)
{
	struct btf_type *copy = (void *)(r->new_types + r->new_types_length);
	const struct btf_type *type = type_at(r, id);
	bool shell = r->keep[id] == AS_SHELL;
	__u32 size = shell ? (__u32)sizeof *type : size_of(type, r->types_length);
	struct btf_array *array = (void *)(copy + 1);

	memcpy(copy, type, size);
	r->new_types_length += size;
	copy->name_off = new_string(r, copy->name_off);
	if (shell) {
		copy->info &= ~0xffffu;
		return;
	}
	switch (btf_kind(copy)) {
	case BTF_KIND_ARRAY:
		array->type = new_number(r, array->type);
		array->index_type = new_number(r, array->index_type);
		return;
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_FWD: return;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: copy_members(r, copy); return;
	case BTF_KIND_FUNC_PROTO: copy_members(r, copy); break;
	default: break;
	}
	copy->type = new_number(r, copy->type);
}

static int write_types(struct reduction *r, struct ts_reduced_btf *reduced)
{
	struct btf_header header = {
		.magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof header};
	__u32 kept = 1;

	for (__u32 id = 1; id < r->count; id++)
		if (r->keep[id])
			r->number[id] = kept++;
	reduced->original = calloc(kept, sizeof *reduced->original);
	if (!reduced->original)
		return -ENOMEM;
	r->new_strings_length = 1; /* the empty one */
	for (__u32 id = 1; id < r->count; id++) {
		if (!r->keep[id])
			continue;
		reduced->original[r->number[id]] = id;
		copy_type(r, id);
	}
	header.type_len = header.str_off = r->new_types_length;
	header.str_len = r->new_strings_length;
	reduced->length = sizeof header + header.type_len + header.str_len;
	reduced->data = malloc(reduced->length);
	if (!reduced->data)
		return -ENOMEM;
	memcpy(reduced->data, &header, sizeof header);
	memcpy((char *)reduced->data + sizeof header, r->new_types, header.type_len);
	memcpy((char *)reduced->data + sizeof header + header.type_len, r->new_strings,
	       header.str_len);
	return 0;
}

/* ---- All of it */

/* For as many types as could be there. Only what is used of it is ever touched. */
static int get_room(struct reduction *r)
{
	size_t types = r->types_length / sizeof(struct btf_type) + 2;

	r->names = calloc(1, sizeof *r->names);
	r->enumerators = calloc(1, sizeof *r->enumerators);
	r->position = malloc(types * sizeof *r->position);
	r->number = calloc(types, sizeof *r->number);
	r->keep = calloc(types, sizeof *r->keep);
	r->stack = malloc(types * sizeof *r->stack);
	return r->names && r->enumerators && r->position && r->number && r->keep && r->stack
		       ? 0
		       : -ENOMEM;
}

static void free_room(struct reduction *r)
{
	free(r->names);
	free(r->enumerators);
	free(r->position);
	free(r->number);
	free(r->keep);
	free(r->stack);
	free(r->new_types);
	free(r->new_strings);
}

/* Exactly what the kept types and their names take: nothing has to grow. */
static int get_room_for_copy(struct reduction *r)
{
	size_t types = 0, strings = 1;

	for (__u32 id = 1; id < r->count; id++) {
		const struct btf_type *type = type_at(r, id);
		const char *member = (const char *)(type + 1);
		__u32 each = layout[btf_kind(type)].each;

		if (!r->keep[id])
			continue;
		types += size_of(type, r->types_length);
		strings += strlen(name_of(r, type)) + 1;
		for (__u32 i = 0; each && i < btf_vlen(type); i++, member += each)
			strings += strlen(string_at(r, *(const __u32 *)member)) + 1;
	}
	r->new_types = malloc(types);
	r->new_strings = calloc(strings, 1);
	return r->new_types && r->new_strings ? 0 : -ENOMEM;
}

int ts_btf_reduce(const void *data, size_t length, const struct ts_btf_wanted *wanted,
		  struct ts_reduced_btf *reduced)
{
	struct reduction r = {0};
	int error = find_sections(&r, data, length);

	*reduced = (struct ts_reduced_btf){0};
	if (!error)
		error = get_room(&r);
	for (size_t i = 0; !error && i < 2; i++)
		error = add_names(r.names, wanted->names[i]);
	if (!error)
		error = add_names(r.enumerators, wanted->enumerators);
	if (!error)
		error = find_wanted(&r);
	while (!error && r.depth)
		keep_parts(&r, type_at(&r, r.stack[--r.depth]));
	if (!error)
		error = get_room_for_copy(&r);
	if (!error)
		error = write_types(&r, reduced);
	reduced->types = r.count;
	if (error) {
		free(reduced->data);
		free(reduced->original);
		*reduced = (struct ts_reduced_btf){0};
	}
	free_room(&r);
	return error;
}
