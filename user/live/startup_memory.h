/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that only starting needed. */
#ifndef TUNESCOPE_STARTUP_MEMORY_H
#define TUNESCOPE_STARTUP_MEMORY_H

#include <bpf/libbpf.h>

/*
 * Once a BPF object is loaded, its variables live in the kernel's maps: libbpf's copies of their
 * initial values are emptied. Nobody may read a skeleton's bss or data after that; rodata stays.
 */
void ts_startup_memory_forget_values(const struct bpf_object *object);

/*
 * Gives free heap back, and unmaps the pages of this program and its libraries: those that are
 * still needed come back from the page cache when they are touched, those of the start (the BPF
 * objects in the binary, the loader, libelf) do not.
 */
void ts_startup_memory_release(void);

#endif
