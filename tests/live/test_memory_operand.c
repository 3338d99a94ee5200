// SPDX-License-Identifier: GPL-2.0-only
/* The addresses that instructions access, as GNU as writes and objdump reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../user/live/memory_operand.h"

/* Register i holds (i + 1) << 20. */
#define R(number) ((__u64)((number) + 1) << 20)
#define NONE	  0

static const struct {
	const char *text;
	unsigned char code[TS_INSTRUCTION_BYTES];
	__u64 address;
	size_t length;
} rows[] = {
	{"mov (%rbx),%rax", {0x48, 0x8b, 0x03}, R(3), 3},
	{"add (%rbx,%r14,1),%rax", {0x4a, 0x03, 0x04, 0x33}, R(3) + R(14), 4},
	{"movzbl 0x8(%r12),%eax", {0x41, 0x0f, 0xb6, 0x44, 0x24, 0x08}, R(12) + 8, 6},
	{"mov 0x1000(%rax,%rcx,8),%rax",
	 {0x48, 0x8b, 0x84, 0xc8, 0x00, 0x10},
	 R(0) + 8 * R(1) + 0x1000,
	 8},
	{"mov -0x8(%rdi),%eax", {0x8b, 0x47, 0xf8}, R(7) - 8, 3},
	{"mov 0x0(%r13),%rax", {0x49, 0x8b, 0x45, 0x00}, R(13), 4},
	{"mov 0x1000,%rax", {0x48, 0x8b, 0x04, 0x25, 0x00, 0x10}, 0x1000, 8},
	{"jmp *0x1000(,%rax,8)", {0xff, 0x24, 0xc5, 0x00, 0x10}, 8 * R(0) + 0x1000, 7},
	{"vmovsd (%rdi,%rax,8),%xmm0", {0xc5, 0xfb, 0x10, 0x04, 0xc7}, R(7) + 8 * R(0), 5},
	{"vmovsd (%r8,%rax,8),%xmm0", {0xc4, 0xc1, 0x7b, 0x10, 0x04, 0xc0}, R(8) + 8 * R(0), 6},
	{"vmovups (%rax),%zmm0", {0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00}, R(0), 6},
	{"movss (%rdx),%xmm1", {0xf3, 0x0f, 0x10, 0x0a}, R(2), 4},
	{"lock incl (%rsi)", {0xf0, 0xff, 0x06}, R(6), 3},
	{"rep stos %rax,(%rdi)", {0xf3, 0x48, 0xab}, R(7), 3},
	{"lods (%rsi),%al", {0xac}, R(6), 1},
	{"movl $0x1,0x10(%rax)", {0xc7, 0x40, 0x10, 0x01}, R(0) + 16, 7},
	{"addq $0x1,(%rdi,%rdx,8)", {0x48, 0x83, 0x04, 0xd7, 0x01}, R(7) + 8 * R(2), 5},
	{"movw $0x1,(%rax)", {0x66, 0xc7, 0x00, 0x01, 0x00}, R(0), 5},
	{"testb $0x1,(%rax)", {0xf6, 0x00, 0x01}, R(0), 3},
	{"notl (%rax)", {0xf7, 0x10}, R(0), 2},
	{"pinsrw $0x1,(%rax),%xmm0", {0x66, 0x0f, 0xc4, 0x00, 0x01}, R(0), 5},
	{"vpermq $0x1,(%rax),%ymm0", {0xc4, 0xe3, 0xfd, 0x00, 0x00, 0x01}, R(0), 6},
	{"lea (%rbx,%rcx,1),%rax", {0x48, 0x8d, 0x04, 0x0b}, NONE, 0},
	{"add %rbx,%rax", {0x48, 0x01, 0xd8}, NONE, 0},
	{"mov 0x0(%rip),%rax", {0x48, 0x8b, 0x05}, NONE, 0},
	{"mov %fs:0x0,%rax", {0x64, 0x48, 0x8b, 0x04, 0x25}, NONE, 0},
	{"nopl 0x0(%rax,%rax,1)", {0x0f, 0x1f, 0x44}, NONE, 0},
	{"vpgatherdd %ymm1,(%rax,%ymm2,4),%ymm0", {0xc4, 0xe2, 0x75, 0x90, 0x04, 0x90}, NONE, 0},
	{"vzeroupper", {0xc5, 0xf8, 0x77}, NONE, 0},
	{"ret", {0xc3}, NONE, 0},
	{"imul %rax", {0x48, 0xf7, 0xe8}, NONE, 0},
};

static void addresses(void **state)
{
	__u64 registers[TS_REGISTERS];

	for (unsigned int i = 0; i < TS_REGISTERS; i++)
		registers[i] = R(i);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		__u64 address = NONE;
		size_t length = ts_memory_operand(rows[i].code, registers, &address);

		if (length != rows[i].length || (length && address != rows[i].address))
			fail_msg("%s: %zu bytes, accesses %llx", rows[i].text, length,
				 (unsigned long long)address);
	}
}

/* Whatever the bytes are, nothing beyond them is read. */
static void any_bytes(void **state)
{
	unsigned char code[TS_INSTRUCTION_BYTES];
	__u64 registers[TS_REGISTERS] = {0}, address;
	unsigned int seed = 1;

	for (int i = 0; i < 1000000; i++) {
		for (size_t k = 0; k < sizeof code; k++)
			code[k] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
		for (int k = 0; k < i % 8; k++)
			code[k] = (unsigned char[]){0x66, 0xf3, 0x48, 0x62}[i / 8 % 4];
		(void)ts_memory_operand(code, registers, &address);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
