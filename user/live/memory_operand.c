// SPDX-License-Identifier: GPL-2.0-only
#include "memory_operand.h"

#include <stdbool.h>
#include <string.h>

#define REX	       0x40
#define REX_X	       2
#define REX_B	       1
#define SOURCE_INDEX   6 /* rsi */
#define TARGET_INDEX   7 /* rdi */
#define NO_INDEX       4
#define NO_BASE	       5
#define LARGEST_PREFIX 4 /* of those before the opcode that are skipped */
#define COUNT(list)    (sizeof list / sizeof *(list))

struct span {
	unsigned char first, last;
};

/* Opcodes of one byte, and those behind 0x0f, that have a memory operand (or may have). */
static const struct span of_one_byte[] = {
	{0x63, 0x63}, {0x69, 0x69}, {0x6b, 0x6b}, {0x80, 0x8c}, {0x8e, 0x8f}, {0xc0, 0xc1},
	{0xc6, 0xc7}, {0xd0, 0xd3}, {0xd8, 0xdf}, {0xf6, 0xf7}, {0xfe, 0xff},
};
static const struct span of_two_bytes[] = {
	{0x10, 0x17}, {0x28, 0x2f}, {0x40, 0x76}, {0x78, 0x7f}, {0x90, 0x9f},
	{0xa3, 0xa5}, {0xab, 0xaf}, {0xb0, 0xc7}, {0xd0, 0xff},
};

static bool is_among(unsigned char code, const struct span *spans, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= spans[i].first && code <= spans[i].last)
			return true;
	return false;
}

static size_t skip_prefixes(const unsigned char *code)
{
	static const unsigned char prefixes[] = {0x66, 0xf0, 0xf2, 0xf3, 0x2e, 0x3e};
	size_t at = 0;

	while (at < LARGEST_PREFIX && memchr(prefixes, code[at], sizeof prefixes))
		at++;
	return at;
}

enum map { OF_ONE_BYTE, OF_TWO_BYTES, OF_THREE_BYTES, OF_THREE_BYTES_AND_A_NUMBER };

struct instruction {
	size_t at;		/* behind the opcode */
	unsigned int extension; /* bits that extend register numbers */
	enum map map;
	unsigned char opcode;
	bool short_numbers; /* of 16 bits */
};

/* The prefix of vector instructions: the bits are inverted. */
static void skip_vector_prefix(const unsigned char *code, struct instruction *i)
{
	unsigned char first = code[i->at - 1];

	i->map = OF_TWO_BYTES;
	if (first == 0xc5) { /* of two bytes: neither base nor index is extended */
		i->at += 1;
	} else {
		i->extension = (unsigned int)(~code[i->at] >> 5) & 7;
		i->map = (enum map)(code[i->at] & 3);
		i->at += first == 0x62 ? 3 : 2;
	}
	i->opcode = code[i->at++];
}

static void skip_opcode(const unsigned char *code, struct instruction *i)
{
	i->opcode = code[i->at++];
	if (i->opcode == 0xc5 || i->opcode == 0xc4 || i->opcode == 0x62) {
		skip_vector_prefix(code, i);
		return;
	}
	if ((i->opcode & 0xf0) == REX) {
		i->extension = i->opcode & 15;
		i->opcode = code[i->at++];
	}
	if (i->opcode != 0x0f)
		return;
	i->opcode = code[i->at++];
	i->map = OF_TWO_BYTES;
	if (i->opcode == 0x38 || i->opcode == 0x3a) {
		i->map = i->opcode == 0x38 ? OF_THREE_BYTES : OF_THREE_BYTES_AND_A_NUMBER;
		i->opcode = code[i->at++];
	}
}

static bool has_operand(const struct instruction *i)
{
	switch (i->map) {
	case OF_ONE_BYTE:
		return i->opcode < REX ? (i->opcode & 7) < 4
				       : is_among(i->opcode, of_one_byte, COUNT(of_one_byte));
	case OF_TWO_BYTES: return is_among(i->opcode, of_two_bytes, COUNT(of_two_bytes));
	case OF_THREE_BYTES: return (i->opcode & 0xfc) != 0x90; /* gathers have many */
	case OF_THREE_BYTES_AND_A_NUMBER: break;
	}
	return true;
}

/* Of the number that stands at the end. */
static size_t number_bytes(const struct instruction *i, unsigned char operand)
{
	static const unsigned char small[] = {0x6b, 0x80, 0x82, 0x83, 0xc0, 0xc1, 0xc6};
	static const unsigned char small_of_two[] = {0x70, 0x71, 0x72, 0x73, 0xa4, 0xac,
						     0xba, 0xc2, 0xc4, 0xc5, 0xc6};
	bool tests = (operand >> 3 & 7) < 2;

	if (i->map == OF_THREE_BYTES_AND_A_NUMBER ||
	    (i->map == OF_TWO_BYTES && memchr(small_of_two, i->opcode, sizeof small_of_two)))
		return 1;
	if (i->map != OF_ONE_BYTE)
		return 0;
	if (memchr(small, i->opcode, sizeof small) || (i->opcode == 0xf6 && tests))
		return 1;
	if (i->opcode == 0x69 || i->opcode == 0x81 || i->opcode == 0xc7 ||
	    (i->opcode == 0xf7 && tests))
		return i->short_numbers ? 2 : 4;
	return 0;
}

/* What is added to the registers; moves *code behind it. */
static __u64 displacement(const unsigned char **code, unsigned int mode, bool large)
{
	signed char small = 0;
	int wide = 0;

	if (mode == 1) {
		memcpy(&small, (*code)++, sizeof small);
	} else if (mode == 2 || large) {
		memcpy(&wide, *code, sizeof wide);
		*code += sizeof wide;
	}
	return (__u64)(long long)(small + wide);
}

/* Where it ends; NULL: it is none in memory. */
static const unsigned char *operand(const unsigned char *code, unsigned int extension,
				    const __u64 registers[TS_REGISTERS], __u64 *address)
{
	unsigned int mode = *code >> 6, base = *code & 7, index = NO_INDEX, scale = 0;
	bool large = false, has_base = true;

	if (mode == 3 || (mode == 0 && base == NO_BASE))
		return NULL;
	if (*code++ % 8 == NO_INDEX) {
		base = *code & 7;
		index = (*code >> 3 & 7) | (extension & REX_X) << 2;
		scale = *code++ >> 6;
		large = mode == 0 && base == NO_BASE;
		has_base = !large;
	}
	*address = displacement(&code, mode, large);
	if (has_base)
		*address += registers[base | (extension & REX_B) << 3];
	if (index != NO_INDEX)
		*address += registers[index] << scale;
	return code;
}

/* movs, stos, lods and the like have fixed registers. */
static bool string_operand(unsigned char code, const __u64 registers[TS_REGISTERS], __u64 *address)
{
	if (code < 0xa4 || code > 0xaf || code == 0xa8 || code == 0xa9)
		return false;
	*address = registers[code == 0xac || code == 0xad ? SOURCE_INDEX : TARGET_INDEX];
	return true;
}

size_t ts_memory_operand(const unsigned char code[TS_INSTRUCTION_BYTES],
			 const __u64 registers[TS_REGISTERS], __u64 *address)
{
	/* The longest one there is, cut off wherever, is read to its end and no further. */
	unsigned char whole[2 * TS_INSTRUCTION_BYTES] = {0};
	struct instruction i = {0};
	const unsigned char *end;

	memcpy(whole, code, TS_INSTRUCTION_BYTES);
	i.at = skip_prefixes(whole);
	i.short_numbers = memchr(whole, 0x66, i.at);
	skip_opcode(whole, &i);
	if (i.map == OF_ONE_BYTE && string_operand(i.opcode, registers, address))
		return i.at;
	if (!has_operand(&i))
		return 0;
	end = operand(whole + i.at, i.extension, registers, address);
	return end ? (size_t)(end - whole) + number_bytes(&i, whole[i.at]) : 0;
}
