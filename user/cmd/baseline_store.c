// SPDX-License-Identifier: GPL-2.0-only
#include "baseline_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/arena.h"
#include "../core/error.h"
#include "../core/run_diff.h"
#include "../live/host.h"

#define LETTERS                                                \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789._-"
#define NAME_LONGEST 100

bool ts_baseline_name_ok(const char *name)
{
	if (*name && *name != '.' && !name[strspn(name, LETTERS)] && strlen(name) <= NAME_LONGEST)
		return true;
	ts_err(0,
	       "'%s' is not accepted as the name of a baseline; letters, digits, '.', '-' and '_' "
	       "are, at most %d of them, not beginning with '.'",
	       name, NAME_LONGEST);
	return false;
}

void ts_baseline_path(const char *store, const char *name, const char *class, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3500s/%.100s@%.127s" TS_BASELINE_SUFFIX, store, name, class);
}

void ts_baseline_own_class(char class[128])
{
	struct ts_snapshot *snapshot = ts_snapshot_new();

	ts_host_snapshot(snapshot);
	snprintf(class, 128, "%s", ts_machine_class(snapshot->arena, &snapshot->host));
	ts_snapshot_free(snapshot);
}

bool ts_baseline_split(const char *file, char name[NAME_MAX + 1], char class[NAME_MAX + 1])
{
	const char *at = strchr(file, '@');
	size_t length = strlen(file), suffix = strlen(TS_BASELINE_SUFFIX);

	if (!at || length < suffix || length > NAME_MAX ||
	    strcmp(file + length - suffix, TS_BASELINE_SUFFIX) || *file == '.')
		return false;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)(at - file), file);
	snprintf(class, NAME_MAX + 1, "%.*s", (int)(file + length - suffix - at - 1), at + 1);
	return true;
}

static void put_frame(FILE *out, const struct ts_frame_place *place)
{
	fwrite(place->frame, 1, TS_FRAME_HEADER + (size_t)place->header.stored_length, out);
}

static void put_session(FILE *out, const struct ts_baseline_part *part)
{
	const struct ts_recording *recording = part->recording;
	struct ts_frame_header end = {0};
	struct ts_bytes bytes = {0};

	for (size_t i = 0; i < recording->contexts; i++)
		if (recording->context[i].header.session == part->session)
			put_frame(out, &recording->context[i]);
	for (size_t i = 0; i < recording->windows; i++)
		if (recording->window[i].header.session == part->session) {
			put_frame(out, &recording->window[i]);
			end = recording->window[i].header;
		}
	end.sequence++;
	ts_frame_write_end(&end, &bytes);
	fwrite(bytes.data, 1, bytes.length, out);
	ts_bytes_free(&bytes);
}

/* Directories on the way are made. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof part, "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0777) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* Beside it first: what stands under the name is always whole. */
int ts_baseline_write(const char *path, const struct ts_baseline_part *part, size_t parts)
{
	char temporary[PATH_MAX + 16];
	int error = make_directories(path);
	FILE *out;

	snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
	out = error ? NULL : fopen(temporary, "wxe");
	if (!out)
		return ts_err(error ? error : -errno, "cannot write %s: %s", path,
			      strerror(error ? -error : errno));
	for (size_t i = 0; i < parts; i++)
		put_session(out, &part[i]);
	if (ferror(out) || fflush(out) || fsync(fileno(out)))
		error = errno ? -errno : -EIO;
	if (fclose(out) && !error)
		error = -errno;
	if (!error && rename(temporary, path))
		error = -errno;
	if (!error)
		return 0;
	unlink(temporary);
	return ts_err(error, "cannot write %s: %s", path, strerror(-error));
}
