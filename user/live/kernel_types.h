/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's type information, reduced to what tunescope asks about.
 *
 * The whole of it is megabytes, and libbpf reads, copies and searches it anew for each BPF object:
 * most of what starting up would cost, in time and in memory. Here it is gone through once, and
 * the types that are named in the BPF objects or in kernel_types.c are copied into a small BTF
 * that libbpf relocates all objects against. Nothing is lost by that: offsets and sizes stay as
 * they are, and the kernel's verifier uses its own.
 */
#ifndef TUNESCOPE_KERNEL_TYPES_H
#define TUNESCOPE_KERNEL_TYPES_H

#include <linux/types.h>

struct btf;

/*
 * Reads the running kernel's types from its BTF file. Until it is closed, libbpf finds the types
 * that tp_btf and iter programs are loaded for in it. One at a time. Negative errno: do without.
 */
struct ts_kernel_types;
int ts_kernel_types_open(const char *path, struct ts_kernel_types **types);
void ts_kernel_types_close(struct ts_kernel_types *types); /* NULL is fine */

const struct btf *ts_kernel_types_btf(const struct ts_kernel_types *types);
/* Types in the kernel's BTF, as btf__type_cnt counts them. */
__u32 ts_kernel_types_count(const struct ts_kernel_types *types);
/* A file of them, for bpf_object_open_opts.btf_custom_path. */
const char *ts_kernel_types_path(const struct ts_kernel_types *types);

#endif
