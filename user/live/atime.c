// SPDX-License-Identifier: GPL-2.0-only
/*
 * File systems mounted with strictatime, on which each read dirties an inode: how often that is
 * what dirties one, counted by bpf/atime.bpf.c. Without any such mount nothing is attached, and
 * those mounted later are not watched.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <tunescope/atime.h>
#include "atime.skel.h"
#include "disk_accounts.h"
#include "mountinfo.h"
#include "probe.h"
#include "procfile.h"

#define PROGRAM	    "ts_inode_dirtied"
#define MINOR_BITS  20 /* of the kernel's own device numbers */
#define MINORS	    (1U << MINOR_BITS)
#define MAJORS	    (1U << (32 - MINOR_BITS))
#define MOUNT_BYTES 256

struct watched {
	__u32 device; /* the kernel's number */
	char name[TS_DISK_NAME_SIZE];
	char mount[MOUNT_BYTES];
};

struct atime {
	struct watched watched[TS_ATIME_DEVICES];
	size_t count;		    /* 0: there is nothing to watch */
	struct atime_bpf *skeleton; /* while it is opened */
	struct ts_probe probe;
	const struct ts_atime_row *row;
	size_t row_length;
};

static void atime_close(void *opaque)
{
	struct atime *state = opaque;

	ts_probe_close(&state->probe);
	if (state->row)
		munmap((void *)state->row, state->row_length);
	atime_bpf__destroy(state->skeleton);
	free(state);
}

/*
 * mountinfo says nothing of strictatime: it is what is left when neither relatime nor noatime is
 * there. With lazytime the times are written along with something else.
 */
static bool notes_each_read(const struct ts_mount_line *mount)
{
	return !ts_mount_has_option(mount->flags, "relatime") &&
	       !ts_mount_has_option(mount->flags, "noatime") &&
	       !ts_mount_has_option(mount->flags, "ro") &&
	       !ts_mount_has_option(mount->options, "ro") &&
	       !ts_mount_has_option(mount->options, "lazytime");
}

static void watch(const struct ts_live *live, struct atime *state, struct ts_mount_line *mount)
{
	struct watched *w = &state->watched[state->count];
	unsigned int major, minor;

	if (state->count == TS_ATIME_DEVICES ||
	    sscanf(mount->device, "%u:%u", &major, &minor) != 2 || !major || major >= MAJORS ||
	    minor >= MINORS || !ts_disk_name(live->sys, major, minor, w->name))
		return;
	ts_mount_unescape(mount->point);
	if (strlen(mount->point) >= sizeof w->mount)
		return;
	strcpy(w->mount, mount->point);
	w->device = major << MINOR_BITS | minor;
	for (size_t i = 0; i < state->count; i++)
		if (state->watched[i].device == w->device)
			return;
	state->count++;
}

static int find_mounts(const struct ts_live *live, struct atime *state, char why[256])
{
	struct ts_procfile file;
	int error = ts_procfile_open(&file, live->proc, "self/mountinfo");
	char *at, *line;

	if (!error)
		error = ts_procfile_read(&file);
	at = file.text;
	while (!error && (line = ts_take_line(&at))) {
		struct ts_mount_line mount;

		if (!ts_mount_line_parse(line, &mount))
			error = -EPROTO;
		else if (notes_each_read(&mount))
			watch(live, state, &mount);
	}
	if (error)
		ts_proc_why(why, file.path, error);
	ts_procfile_close(&file);
	return error;
}

static int load(struct atime *state, struct ts_live *live, enum ts_status *status, char why[256])
{
	const struct ts_map *rows;
	int error;

	state->skeleton = atime_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton) {
		error = -errno;
		snprintf(why, 256, "cannot open the BPF object: %s", strerror(errno));
		return error;
	}
	for (size_t i = 0; i < state->count; i++)
		state->skeleton->rodata->ts_atime_devices[i] = state->watched[i].device;
	error = ts_probe_load(&state->probe, ts_source_names[TS_SOURCE_ATIME], state->skeleton->obj,
			      live, status, why);
	if (error)
		return error;
	rows = ts_probe_map(&state->probe, state->skeleton->maps.ts_atime_rows);
	state->row = ts_map_view(rows, &state->row_length);
	error = state->row ? 0 : -errno;
	ts_skeleton_close(atime, state->skeleton);
	if (error)
		snprintf(why, 256, "cannot map the counters: %s", strerror(-error));
	return error;
}

static int atime_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct atime *state = calloc(1, sizeof *state);
	int error = -ENOMEM;

	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "out of memory");
	if (!state)
		return error;
	error = find_mounts(live, state, why);
	if (!error && state->count)
		error = load(state, live, status, why);
	if (error)
		atime_close(state);
	else
		*opaque = state;
	return error;
}

static void atime_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct atime *state = opaque;
	const char *why = "";
	enum ts_status status = TS_STATUS_OK;

	if (state->count)
		status = ts_probe_status(&state->probe, PROGRAM, &why);
	ts_snapshot_source_status(snapshot, TS_SOURCE_ATIME, status, why);
	for (size_t i = 0; status == TS_STATUS_OK && i < state->count; i++) {
		const struct watched *w = &state->watched[i];

		ts_snapshot_counter(snapshot, TS_FAMILY_INODE_UPDATES,
				    TS_LABELS(w->name, w->mount, "read"), state->row[i].read);
		ts_snapshot_counter(snapshot, TS_FAMILY_INODE_UPDATES,
				    TS_LABELS(w->name, w->mount, "other"), state->row[i].other);
	}
	if (state->count)
		ts_probe_cost(&state->probe, snapshot);
}

const struct ts_source ts_source_atime = {
	.id = TS_SOURCE_ATIME,
	.open = atime_open,
	.snapshot = atime_snapshot,
	.close = atime_close,
};
