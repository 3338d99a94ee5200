/* SPDX-License-Identifier: GPL-2.0-only */
/* Moments in a recording as people write them: --from, --to, FROM..TO. */
#ifndef TUNESCOPE_TIME_OPTION_H
#define TUNESCOPE_TIME_OPTION_H

#include <stdbool.h>
#include <linux/types.h>
#include "options.h"

struct ts_recording;

enum ts_time_kind {
	TS_TIME_UNSET,
	TS_TIME_ABSOLUTE,    /* ns: since the epoch */
	TS_TIME_OF_DAY,	     /* ns: since midnight, in this host's time zone */
	TS_TIME_AFTER_START, /* ns: after the recording's beginning */
	TS_TIME_BEFORE_END,  /* ns: before its end */
};

struct ts_time {
	enum ts_time_kind kind;
	__u64 ns;
};

struct ts_time_slice {
	struct ts_time from, to; /* unset: the recording's beginning, its end */
};

/* Destination: struct ts_time */
int ts_option_time(const struct ts_option *option, const char *value, void *destination,
		   char problem[200]);

/* "FROM..TO", either of which may be empty. 0, or -EINVAL with problem filled in. */
int ts_time_slice_parse(const char *text, struct ts_time_slice *slice, char problem[200]);

/*
 * The slice on the recording's axis. 0, or -EINVAL with a message when no frame of the recording
 * lies in it. path is for the message.
 */
int ts_time_slice_resolve(const struct ts_time_slice *slice, const struct ts_recording *recording,
			  const char *path, __u64 *from_ns, __u64 *to_ns);

/*
 * After the frames of a slice were asked for: -EPROTO with a message when not one of them could be
 * decoded.
 */
int ts_time_slice_check(const struct ts_recording *recording, const char *path, __u64 from_ns,
			__u64 to_ns);

#endif
