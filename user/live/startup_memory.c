// SPDX-License-Identifier: GPL-2.0-only
#include "startup_memory.h"

#include <link.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_DEEP_KB	1024
#define STACK_SPARED_KB 16 /* for what is called from here */

static uintptr_t page_mask(void)
{
	return (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
}

/* Parts that cannot have been written to: what they hold is in the file. */
static int unmap_pages(struct dl_phdr_info *info, size_t size, void *unused)
{
	/* The program itself has no name, the kernel's vdso one without a slash. */
	if (*info->dlpi_name && !strchr(info->dlpi_name, '/'))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t begin, end;

		if (part->p_type != PT_LOAD || part->p_flags & PF_W)
			continue;
		begin = (info->dlpi_addr + part->p_vaddr) & ~page_mask();
		end = (info->dlpi_addr + part->p_vaddr + part->p_filesz + page_mask()) &
		      ~page_mask();
		madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

/* What lies below what is in use of the stack was used once, by something that goes deep. */
static void unmap_stack(void)
{
	uintptr_t used = (uintptr_t)__builtin_frame_address(0) & ~page_mask();
	uintptr_t spared = (uintptr_t)(STACK_SPARED_KB << 10),
		  deep = (uintptr_t)(STACK_DEEP_KB << 10);

	/* Of what is not mapped nothing is done, and that is told; all the rest is. */
	madvise((void *)(used - deep), deep - spared, MADV_DONTNEED);
}

void ts_startup_memory_release(void)
{
	malloc_trim(0);
	dl_iterate_phdr(unmap_pages, NULL);
	unmap_stack();
}
