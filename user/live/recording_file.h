/* SPDX-License-Identifier: GPL-2.0-only */
/* A recording on disk, mapped for reading (user/core/recording.h). */
#ifndef TUNESCOPE_RECORDING_FILE_H
#define TUNESCOPE_RECORDING_FILE_H

#include "../core/recording.h"

struct ts_recording_file;

/*
 * path: a file, or a directory whose segments are read in order; gzip'd or otherwise packed files
 * are not unpacked. One that is being written can be read. 0, or a negative errno with the message
 * printed: it does not exist, cannot be read, or holds not a single frame.
 */
int ts_recording_file_open(const char *path, struct ts_recording_file **file,
			   struct ts_recording **recording);
void ts_recording_file_close(struct ts_recording_file *file); /* frees the recording, too */

#endif
