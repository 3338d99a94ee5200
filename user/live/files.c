// SPDX-License-Identifier: GPL-2.0-only
/* Open file handles of the whole host against the kernel's limit: /proc/sys/fs/file-nr. */
#include <errno.h>
#include <stdlib.h>

#include "procfile.h"

static void files_close(void *opaque)
{
	ts_procfile_close(opaque);
	free(opaque);
}

static int files_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct ts_procfile *file = calloc(1, sizeof *file);
	int error = file ? ts_procfile_open(file, live->proc, "sys/fs/file-nr") : -ENOMEM;

	*opaque = file;
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, file ? file->path : "/proc/sys/fs/file-nr", error);
	if (file)
		files_close(file);
	return error;
}

static void files_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct ts_procfile *file = opaque;
	int error = ts_procfile_read(file);
	char *at = file->text;
	__u64 allocated, unused, maximum;

	/* "allocated unused maximum"; nothing has been kept unused since 2.6. */
	if (!error && !(ts_take_number(&at, &allocated) && ts_take_number(&at, &unused) &&
			ts_take_number(&at, &maximum) && unused <= allocated))
		error = -EPROTO;
	if (error) {
		char why[256];

		ts_proc_why(why, file->path, error);
		ts_snapshot_source_status(snapshot, TS_SOURCE_FILES, TS_STATUS_FAILED, why);
		return;
	}
	ts_snapshot_gauge(snapshot, TS_FAMILY_FILE_HANDLES, TS_LABELS("allocated"),
			  (double)(allocated - unused));
	ts_snapshot_gauge(snapshot, TS_FAMILY_FILE_HANDLES, TS_LABELS("maximum"), (double)maximum);
}

const struct ts_source ts_source_files = {
	.id = TS_SOURCE_FILES,
	.open = files_open,
	.snapshot = files_snapshot,
	.close = files_close,
};
