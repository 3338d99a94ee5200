// SPDX-License-Identifier: GPL-2.0-only
#include "startup_memory.h"

#include <link.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uintptr_t page_mask(void)
{
	return (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
}

void ts_startup_memory_forget_values(const struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		size_t size = 0;
		/* Where the map can be mapped, libbpf keeps them in pages of their own. */
		void *values = (void *)bpf_map__initial_value(map, &size);

		if (values && !((uintptr_t)values & page_mask()) &&
		    !(bpf_map__map_flags(map) & BPF_F_RDONLY_PROG))
			madvise(values, (size + page_mask()) & ~page_mask(), MADV_REMOVE);
	}
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

void ts_startup_memory_release(void)
{
	malloc_trim(0);
	dl_iterate_phdr(unmap_pages, NULL);
}
