/* SPDX-License-Identifier: GPL-2.0-only */
/* Which address an instruction accesses, from its bytes and the registers before it. */
#ifndef TUNESCOPE_MEMORY_OPERAND_H
#define TUNESCOPE_MEMORY_OPERAND_H

#include <stddef.h>
#include <linux/types.h>

#define TS_INSTRUCTION_BYTES 16
#define TS_REGISTERS	     16 /* general ones, in the order of the processor's encoding */

/*
 * Its length; 0 when it accesses no memory but through the stack, the instruction pointer or a
 * segment, or is not understood. x86-64 only.
 */
size_t ts_memory_operand(const unsigned char code[TS_INSTRUCTION_BYTES],
			 const __u64 registers[TS_REGISTERS], __u64 *address);

#endif
