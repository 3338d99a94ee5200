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

int ts_piles_open(struct ts_piles *piles, const struct bpf_program *visit)
{
	piles->visits = bpf_program__attach_iter(visit, NULL);
	return piles->visits ? 0 : -errno;
}

void ts_piles_close(struct ts_piles *piles)
{
	bpf_link__destroy(piles->visits);
	piles->visits = NULL;
}

void ts_piles_look(struct ts_piles *piles)
{
	char nothing[64];
	ssize_t length;
	int iterator;

	if (!piles->visits)
		return;
	iterator = bpf_iter_create(bpf_link__fd(piles->visits));
	piles->error = iterator < 0 ? -errno : 0;
	if (iterator < 0)
		return;
	/* Nothing is written. EAGAIN: the program has done its part, and asked to end there. */
	do
		length = read(iterator, nothing, sizeof nothing);
	while (length < 0 && errno == EINTR);
	if (length < 0 && errno != EAGAIN)
		piles->error = -errno;
	close(iterator);
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
