/* SPDX-License-Identifier: GPL-2.0-only */
/* Has bpf/writeback_piles.bpf.h look at what is dirty on each device, and at who waits for it. */
#ifndef TUNESCOPE_WRITEBACK_PILES_H
#define TUNESCOPE_WRITEBACK_PILES_H

#include <bpf/libbpf.h>
#include "source.h"

struct ts_piles {
	int visit; /* the program; below 0: there is none */
	int error; /* of the last visit */
};

/* visit: descriptor of the program, of which a copy is kept. 0, or an errno. */
int ts_piles_open(struct ts_piles *piles, int visit);
void ts_piles_close(struct ts_piles *piles);
void ts_piles_look(struct ts_piles *piles);
/*
 * Has the devices that filesystems are on met before anybody syncs them. file: the program's
 * variable, where the descriptor of a file plus one is put.
 */
void ts_piles_meet(struct ts_piles *piles, const struct ts_live *live, volatile __u32 *file);

#endif
