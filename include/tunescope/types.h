/* SPDX-License-Identifier: GPL-2.0-only */
/* Integer types for headers that are compiled both into BPF programs and into user space. */
#ifndef TUNESCOPE_TYPES_H
#define TUNESCOPE_TYPES_H

#ifdef __bpf__
/* BPF objects get __u32 and friends from vmlinux.h, which must be included first. */
#else
#include <linux/types.h>
#endif

#endif
