/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's verifier says of each program: how much it went through, how long that took,
 * and why it refused one. A program that it refused is left out when its object is opened again.
 */
#ifndef TUNESCOPE_VERIFIER_H
#define TUNESCOPE_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <bpf/libbpf.h>
#include "../core/snapshot.h"

struct ts_verifier {
	char *text; /* one part for each program */
	size_t programs;
};

struct ts_verified {
	__u32 instructions; /* that the verifier went through; 0: unknown */
	__u32 microseconds;
};

/* Before loading: asks for its words on every program that will be loaded. Never fails: without
 * memory, it is silent. */
void ts_verifier_listen(struct ts_verifier *verifier, struct bpf_object *object);

/* After loading; false when nothing is known of that program. */
bool ts_verifier_told(const struct ts_verifier *verifier, const struct bpf_object *object,
		      const struct bpf_program *program, struct ts_verified *verified);

/*
 * After loading has failed: remembers the program that was refused, and says which and why. False
 * when the reason is none of the programs.
 */
bool ts_verifier_refused(const struct ts_verifier *verifier, const struct bpf_object *object,
			 char why[256]);

void ts_verifier_end(struct ts_verifier *verifier);

/* Was this program refused before? Then status and why are set. */
bool ts_verifier_knows_refused(const char *program, enum ts_status *status, char why[192]);

/* How many programs have been refused so far in this process. */
size_t ts_verifier_refusals(void);

/* Forgets all but the first of them. */
void ts_verifier_pardon(size_t kept);

#endif
