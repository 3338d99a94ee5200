// SPDX-License-Identifier: GPL-2.0-only
/* Pressure stall information: the totals of /proc/pressure. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>

#include "procfile.h"

#define DISABLED "PSI is disabled at boot; psi=1 on the kernel command line turns it on"

static const char *const resources[] = {"cpu", "memory", "io"};
static const char *const kinds[] = {"some", "full"};

#define RESOURCES (sizeof resources / sizeof resources[0])
#define KINDS	  (sizeof kinds / sizeof kinds[0])

struct totals {
	__u64 us[KINDS];
	bool seen[KINDS];
};

struct pressure {
	struct ts_procfile file[RESOURCES];
};

static void pressure_close(void *opaque)
{
	struct pressure *state = opaque;

	for (size_t i = 0; i < RESOURCES; i++)
		ts_procfile_close(&state->file[i]);
	free(state);
}

/* The last psi= on the command line says no. */
static bool switched_off_by_command_line(const struct ts_live *live)
{
	char path[TS_PROC_PATH_MAX], text[4096], *at = text, *word;
	bool off = false;

	if (ts_live_path(live, "/proc/cmdline", path, sizeof path) ||
	    ts_read_small(AT_FDCWD, path, text, sizeof text) < 0)
		return false;
	while ((word = ts_take_word(&at)))
		if (!strncmp(word, "psi=", 4))
			off = (word[4] && strchr("0nNfFdD", word[4])) ||
			      !strncasecmp(word + 4, "of", 2);
	return off;
}

/*
 * Newer kernels started without PSI do not even make the directory. That they were built with it
 * shows in their types: struct psi_group is empty in a kernel that was not.
 */
static bool built_in(const struct ts_live *live)
{
	const struct btf_type *type;
	int id;

	if (!live->kernel_btf)
		return false;
	id = btf__find_by_name_kind(live->kernel_btf, "psi_group", BTF_KIND_STRUCT);
	type = id > 0 ? btf__type_by_id(live->kernel_btf, (__u32)id) : NULL;
	return type && type->size > 0;
}

static int open_files(struct pressure *state, const struct ts_live *live, char why[256])
{
	for (size_t i = 0; i < RESOURCES; i++) {
		char name[32];
		int error;

		snprintf(name, sizeof name, "pressure/%s", resources[i]);
		error = ts_procfile_open(&state->file[i], live->proc, name);
		if (error) {
			ts_proc_why(why, state->file[i].path, error);
			return error;
		}
	}
	return 0;
}

static int pressure_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct pressure *state = calloc(1, sizeof *state);
	char directory[TS_PROC_PATH_MAX];
	int error;

	*opaque = state;
	*status = TS_STATUS_FAILED;
	if (!state) {
		ts_proc_why(why, "/proc/pressure", -ENOMEM);
		return -ENOMEM;
	}
	error = open_files(state, live, why);
	if (!error)
		return 0;
	if (error == -EOPNOTSUPP) {
		*status = TS_STATUS_DISABLED;
		snprintf(why, 256, DISABLED);
	} else if (!ts_live_path(live, "/proc/pressure", directory, sizeof directory) &&
		   access(directory, F_OK) && errno == ENOENT) {
		bool off = switched_off_by_command_line(live) || built_in(live);

		*status = off ? TS_STATUS_DISABLED : TS_STATUS_UNSUPPORTED;
		snprintf(why, 256, "%s", off ? DISABLED : "this kernel has no PSI");
	}
	pressure_close(state);
	return error;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=4279283" */
static int parse_line(char *line, struct totals *totals)
{
	const char *kind = ts_take_word(&line), *word;

	for (size_t i = 0; kind && i < KINDS; i++) {
		if (strcmp(kind, kinds[i]))
			continue;
		while ((word = ts_take_word(&line)))
			if (!strncmp(word, "total=", 6))
				totals->seen[i] = ts_is_number(word + 6, &totals->us[i]) &&
						  totals->us[i] <= ~0ull / 1000;
		return totals->seen[i] ? 0 : -EPROTO;
	}
	return -EPROTO;
}

static int parse(struct ts_procfile *file, struct totals *totals)
{
	int error = ts_procfile_read(file);
	char *text = file->text, *line;

	while (!error && (line = ts_take_line(&text)))
		error = parse_line(line, totals);
	/* "full" is not there for every resource in every kernel (cpu: from 5.13). */
	return !error && !totals->seen[0] ? -EPROTO : error;
}

static void pressure_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct pressure *state = opaque;
	struct totals totals[RESOURCES] = {0};
	char why[256] = DISABLED;

	for (size_t i = 0; i < RESOURCES; i++) {
		int error = parse(&state->file[i], &totals[i]);

		if (!error)
			continue;
		if (error != -EOPNOTSUPP)
			ts_proc_why(why, state->file[i].path, error);
		ts_snapshot_source_status(
			snapshot, TS_SOURCE_PRESSURE,
			error == -EOPNOTSUPP ? TS_STATUS_DISABLED : TS_STATUS_FAILED, why);
		return;
	}
	for (size_t i = 0; i < RESOURCES; i++)
		for (size_t kind = 0; kind < KINDS; kind++)
			if (totals[i].seen[kind])
				ts_snapshot_counter(snapshot, TS_FAMILY_PRESSURE,
						    TS_LABELS(resources[i], kinds[kind]),
						    totals[i].us[kind] * 1000);
}

const struct ts_source ts_source_pressure = {
	.id = TS_SOURCE_PRESSURE,
	.open = pressure_open,
	.snapshot = pressure_snapshot,
	.close = pressure_close,
};
