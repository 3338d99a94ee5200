// SPDX-License-Identifier: GPL-2.0-only
/* Untrusted text for terminals and for JSON. */
#include "escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "render.h"
#include "../arena.h"

size_t ts_utf8_decode(const char *text, uint32_t *code_point)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least; /* anything below it is an overlong form */
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	unsigned char first = (unsigned char)text[0];

	for (size_t extra = 0; extra < sizeof forms / sizeof forms[0]; extra++) {
		uint32_t code;

		if ((first & forms[extra].mask) != forms[extra].lead)
			continue;
		code = first & (unsigned char)~forms[extra].mask;
		for (size_t i = 1; i <= extra; i++) {
			unsigned char next = (unsigned char)text[i];

			if ((next & 0xc0) != 0x80) /* the terminating 0 ends here too */
				return 0;
			code = code << 6 | (next & 0x3f);
		}
		if (code < forms[extra].least || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return 0;
		*code_point = code;
		return extra + 1;
	}
	return 0;
}

/* Moves the cursor, changes the direction of the text, or is not visible at all. */
static bool dangerous(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	      {0xad, 0xad},	{0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Signs that tunescope's own texts use, for terminals that know ASCII only. */
static const char *ascii_sign(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *ascii;
	} signs[] = {
		{0xb5, "u"},	 {0xd7, "x"},	 {0xf7, "/"},	 {0x2013, "-"},
		{0x2026, "..."}, {0x2192, "->"}, {0x2264, "<="}, {0x2265, ">="},
	};

	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
		if (signs[i].code == code)
			return signs[i].ascii;
	return NULL;
}

const char *ts_escape(struct ts_arena *arena, const char *text, bool utf8)
{
	static const char digits[] = "0123456789abcdef";
	char *escaped = ts_arena_alloc(arena, strlen(text) * 4 + 1), *out = escaped;

	while (*text) {
		uint32_t code = 0;
		size_t length = ts_utf8_decode(text, &code);
		bool as_is = length && !dangerous(code) && (utf8 || code < 0x80);
		const char *sign = utf8 || code < 0x80 ? NULL : ascii_sign(code);

		if (sign) {
			out = stpcpy(out, sign);
			text += length;
			continue;
		}
		for (size_t i = 0; i < (length ? length : 1); i++) {
			unsigned char byte = (unsigned char)*text++;

			if (as_is) {
				*out++ = (char)byte;
				continue;
			}
			*out++ = '\\';
			*out++ = 'x';
			*out++ = digits[byte >> 4];
			*out++ = digits[byte & 15];
		}
	}
	*out = '\0';
	return escaped;
}

const char *ts_escape_terminal(struct ts_arena *arena, const char *text)
{
	return ts_escape(arena, text, true);
}

const char *ts_utf8_clean(struct ts_arena *arena, const char *text)
{
	char *clean = ts_arena_alloc(arena, strlen(text) * 3 + 1), *out = clean;

	while (*text) {
		uint32_t code;
		size_t length = ts_utf8_decode(text, &code);

		if (length) {
			memcpy(out, text, length);
			out += length;
			text += length;
			continue;
		}
		memcpy(out, "\xef\xbf\xbd", 3); /* U+FFFD */
		out += 3;
		text++;
	}
	*out = '\0';
	return clean;
}
