/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that only starting needed. */
#ifndef TUNESCOPE_STARTUP_MEMORY_H
#define TUNESCOPE_STARTUP_MEMORY_H

/*
 * Gives free heap back, and unmaps the pages of this program and its libraries: those that are
 * still needed come back from the page cache when they are touched, those of the start (the BPF
 * objects in the binary, the loader, libelf) do not. To be called on the main thread: it empties
 * the unused part of its stack, too.
 */
void ts_startup_memory_release(void);

#endif
