// SPDX-License-Identifier: GPL-2.0-only
#include "writeback_piles.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "mountinfo.h"
#include "procfile.h"

#define MOUNTS_MAX 64 /* a device is met as well when somebody syncs it */

int ts_piles_open(struct ts_piles *piles, int visit)
{
	piles->visit = fcntl(visit, F_DUPFD_CLOEXEC, 3);
	return piles->visit < 0 ? -errno : 0;
}

void ts_piles_close(struct ts_piles *piles)
{
	if (piles->visit >= 0)
		close(piles->visit);
	piles->visit = -1;
}

void ts_piles_look(struct ts_piles *piles)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	if (piles->visit >= 0)
		piles->error = bpf_prog_test_run_opts(piles->visit, &options);
}

/* On a disk of their own, or several: btrfs has a number of no disk. */
static bool is_on_disk(const struct ts_mount_line *mount)
{
	return (strncmp(mount->device, "0:", 2) != 0 || !strcmp(mount->type, "btrfs")) &&
	       ts_mount_has_option(mount->options, "rw");
}

void ts_piles_meet(struct ts_piles *piles, const struct ts_live *live, volatile __u32 *file)
{
	struct ts_procfile mounts = {.descriptor = -1};
	int error = ts_procfile_open(&mounts, live->proc, "self/mountinfo");
	char *text = NULL, *line;

	if (!error && !ts_procfile_read(&mounts))
		text = mounts.text;
	for (int met = 0; text && met < MOUNTS_MAX && (line = ts_take_line(&text));) {
		struct ts_mount_line mount;
		int descriptor;

		if (!ts_mount_line_parse(line, &mount) || !is_on_disk(&mount))
			continue;
		ts_mount_unescape(mount.point);
		descriptor = open(mount.point, O_PATH | O_CLOEXEC);
		if (descriptor < 0)
			continue;
		*file = (__u32)descriptor + 1;
		ts_piles_look(piles);
		*file = 0;
		close(descriptor);
		met++;
	}
	ts_procfile_close(&mounts);
}
