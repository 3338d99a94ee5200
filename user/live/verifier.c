// SPDX-License-Identifier: GPL-2.0-only
#include "verifier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* BPF_LOG_STATS: statistics at the end, and before them the reason for a refusal; not each step. */
#define LOG_STATISTICS 4
#define TEXT_SIZE      16384
/* More than there are programs: a kernel that is locked down refuses most of them. */
#define REFUSED_MAX 64

static struct refused {
	char program[64];
	enum ts_status status;
	char why[192];
} refused[REFUSED_MAX];
static size_t refused_count;

void ts_verifier_listen(struct ts_verifier *verifier, struct bpf_object *object)
{
	struct bpf_program *program;
	size_t i = 0;

	*verifier = (struct ts_verifier){0};
	bpf_object__for_each_program(program, object) verifier->programs++;
	/* Pages are there when they are written to: that is one a program. */
	verifier->text = mmap(NULL, verifier->programs * TEXT_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (verifier->text == MAP_FAILED) {
		verifier->text = NULL;
		return;
	}
	bpf_object__for_each_program(program, object)
	{
		char *text = verifier->text + i++ * TEXT_SIZE;

		if (!bpf_program__autoload(program))
			continue;
		bpf_program__set_log_buf(program, text, TEXT_SIZE);
		bpf_program__set_log_level(program, LOG_STATISTICS);
	}
}

void ts_verifier_end(struct ts_verifier *verifier)
{
	if (verifier->text)
		munmap(verifier->text, verifier->programs * TEXT_SIZE);
	verifier->text = NULL;
}

static const char *text_of(const struct ts_verifier *verifier, const struct bpf_object *object,
			   const struct bpf_program *wanted)
{
	const struct bpf_program *program = NULL;
	size_t i = 0;

	if (!verifier->text)
		return "";
	while ((program = bpf_object__next_program(object, (void *)program)) && program != wanted)
		i++;
	return program ? verifier->text + i * TEXT_SIZE : "";
}

bool ts_verifier_told(const struct ts_verifier *verifier, const struct bpf_object *object,
		      const struct bpf_program *program, struct ts_verified *verified)
{
	const char *text = text_of(verifier, object, program);
	const char *processed = strstr(text, "processed "),
		   *time = strstr(text, "verification time ");

	return processed && time &&
	       sscanf(processed, "processed %u insns", &verified->instructions) == 1 &&
	       sscanf(time, "verification time %u usec", &verified->microseconds) == 1;
}

/* The last line before the statistics. */
static void reason_in(const char *text, char *reason, size_t size)
{
	const char *end = strstr(text, "verification time "), *start;

	if (!end)
		end = strstr(text, "processed ");
	if (!end)
		end = text + strlen(text);
	while (end > text && end[-1] == '\n')
		end--;
	for (start = end; start > text && start[-1] != '\n';)
		start--;
	snprintf(reason, size, "%.*s", (int)(end - start), start);
}

/* The program that is not loaded although the verifier has seen it. */
static const struct bpf_program *find_refused(const struct ts_verifier *verifier,
					      const struct bpf_object *object)
{
	struct ts_verified verified;
	const struct bpf_program *program = NULL, *last = NULL;
	char reason[8];

	while ((program = bpf_object__next_program(object, (void *)program))) {
		const char *text = text_of(verifier, object, program);

		if (!*text)
			continue;
		reason_in(text, reason, sizeof reason);
		if (*reason || !ts_verifier_told(verifier, object, program, &verified))
			last = program;
	}
	return last;
}

bool ts_verifier_refused(const struct ts_verifier *verifier, const struct bpf_object *object,
			 char why[256])
{
	const struct bpf_program *program = find_refused(verifier, object);
	struct refused *row = &refused[refused_count];
	char reason[128];

	if (!program)
		return false;
	reason_in(text_of(verifier, object, program), reason, sizeof reason);
	/* Lockdown takes the helper away, and with it the program. */
	bool locked = strstr(reason, "unknown func bpf_probe_read") ||
		      (strstr(reason, "cannot use helper") && strstr(reason, "bpf_probe_read"));

	if (locked)
		snprintf(why, 256,
			 "BPF may not read this kernel's memory: it is locked down "
			 "(confidentiality)");
	else
		snprintf(why, 256, "the kernel does not load %s: %s", bpf_program__name(program),
			 reason);
	if (refused_count == REFUSED_MAX)
		return true;
	refused_count++;
	row->status = locked ? TS_STATUS_UNSUPPORTED : TS_STATUS_FAILED;
	snprintf(row->program, sizeof row->program, "%s", bpf_program__name(program));
	snprintf(row->why, sizeof row->why, "%.191s", why);
	return true;
}

bool ts_verifier_knows_refused(const char *program, enum ts_status *status, char why[192])
{
	for (size_t i = 0; i < refused_count; i++) {
		if (strcmp(refused[i].program, program))
			continue;
		*status = refused[i].status;
		snprintf(why, 192, "%s", refused[i].why);
		return true;
	}
	return false;
}

size_t ts_verifier_refusals(void)
{
	return refused_count;
}

void ts_verifier_pardon(size_t kept)
{
	refused_count = kept < refused_count ? kept : refused_count;
}
