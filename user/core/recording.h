/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a recording: the bytes of one or more segments are gone through once, valid frames are
 * put into an index, and damaged bytes are passed over and counted. Pure: the bytes come from
 * user/live/recording_file.h or from a test.
 *
 * Time. A recording's axis is the host's wall clock as it stood at the end: boot time plus the last
 * known difference between wall clock and boot time of that boot, so that a clock that was set back
 * or forth in the middle neither folds nor tears the axis. Frames of several boots or sessions
 * follow each other in the order of that time.
 */
#ifndef TUNESCOPE_RECORDING_H
#define TUNESCOPE_RECORDING_H

#include "frame.h"

struct ts_segment {
	const char *name; /* for messages: the file */
	const unsigned char *data;
	size_t length;
	/* Told what has been read and is not needed for now; NULL: nobody wants to know. */
	void (*release)(const unsigned char *data, size_t length);
};

/* A frame that holds several windows. */
struct ts_group_place {
	struct ts_frame_header header;
	const unsigned char *frame;
	bool damaged; /* from some window on; told once */
};

struct ts_frame_place {
	struct ts_frame_header header;
	const unsigned char *frame; /* its header, inside the segment */
	/* Of a window in a group: that, and which of its windows; frame is the group's. */
	struct ts_group_place *group;
	unsigned int member;
	const struct ts_segment *segment;
	/* On the recording's axis. A frame begins where the one before it in its session ends. */
	__u64 start_ns, end_ns;
	bool damaged; /* its checksum is right, but it could not be decoded */
};

struct ts_damage {
	const char *segment; /* its name */
	size_t offset, length;
	const char *what; /* "checksum", "cut off", "not a frame", "newer format", … */
};

struct ts_recording {
	struct ts_arena *arena;
	struct ts_frame_place *window; /* window frames in order of time, each once */
	size_t windows, windows_capacity;
	struct ts_frame_place *context;
	size_t contexts, contexts_capacity;
	struct ts_damage *damage;
	size_t damages, damages_capacity;
	__u64 duplicates;	/* frames that stood there more than once; a window that stands
				   there alone and in a group, as while it is recorded, is none */
	__u64 missing_frames;	/* gaps in the numbers of the sessions */
	size_t sessions;	/* times that recording was started */
	size_t open_sessions;	/* of these without an end frame: killed, or still running */
	size_t clock_steps;	/* times the wall clock was set by more than a second */
	double missing_seconds; /* between frames of one session that are lost */
	/* What frames had that this tunescope does not know; the most that was seen in one. */
	struct ts_frame_unknown unknown;
	/* The group that was read last, as far as that. */
	struct ts_group_reader *reader;
	const struct ts_group_place *reader_of;
	unsigned int reader_at;
};

/*
 * Never fails on damage: what is valid is indexed, the rest is in damage. The segments' bytes must
 * stay for as long as the recording is used.
 */
struct ts_recording *ts_recording_new(const struct ts_segment *segments, size_t count);
void ts_recording_free(struct ts_recording *recording);

/* Beginning of the first window and end of the last one; 0 when there is none. */
__u64 ts_recording_start(const struct ts_recording *recording);
__u64 ts_recording_end(const struct ts_recording *recording);

/*
 * Decodes window number i with its context. 0, or -EPROTO when the frame cannot be decoded (it is
 * then counted in damage, once). A window whose context is lost has settings of status failed, so
 * that rules that need them are withheld.
 */
int ts_recording_window(struct ts_recording *recording, size_t i, struct ts_window *window);

/*
 * Decodes window number i and puts it together with those before, which end before it ends; into is
 * {0} at first. Time between them goes to into->missing_seconds. Errors as above: into is as it
 * was.
 */
int ts_recording_add(struct ts_recording *recording, size_t i, struct ts_window *into);

/* Whether a frame belongs to the slice from_ns..to_ns: its middle does. */
bool ts_frame_within(const struct ts_frame_place *place, __u64 from_ns, __u64 to_ns);

/*
 * Puts the windows together that lie in from_ns..to_ns: a frame belongs to the slice when its
 * middle does. Returns the number of frames; 0 leaves slice empty ({0}). slice->missing_seconds is
 * the time between the first and the last of them that no frame covers.
 */
size_t ts_recording_slice(struct ts_recording *recording, __u64 from_ns, __u64 to_ns,
			  struct ts_window *slice);

#endif
