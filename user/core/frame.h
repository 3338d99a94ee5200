/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames: what a recording consists of. A recording is nothing but frames one after the other, so
 * that two recordings are joined with cat and a piece of one is a recording.
 *
 * A frame is a header of 64 bytes and a payload compressed by zlib, with the preset dictionary of
 * its format version, which never changes again (frame_dictionary.c). All numbers are
 * little-endian.
 *
 *   offset size
 *    0      4   magic 0x89 'T' 'S' 'F'
 *    4      1   format version
 *    5      1   type (enum ts_frame_type)
 *    6      2   length of the header, 64
 *    8      4   length of the payload as stored
 *   12      4   length of the payload uncompressed
 *   16      8   session: a random number, new each time recording is started
 *   24      4   sequence: number of the frame in its session, from 0
 *   28      4   context: of a window frame, the number of the context it belongs to; of a group
 *               frame, the number of its windows
 *   32      8   CLOCK_REALTIME at its end, ns
 *   40      8   CLOCK_BOOTTIME at its end, ns
 *   48      8   length of the window in ns of CLOCK_MONOTONIC; 0 for other types
 *   56      4   CRC-32 of the payload as stored
 *   60      4   CRC-32 of the 60 bytes before
 *
 * The payload is a list of sections, each with a number saying what it is and its length, so that a
 * reader passes over those it does not know. Families, label keys, settings and statuses stand
 * there by name (through a table of strings in the same frame): an old recording stays readable
 * when families are added, and a new one in an old tunescope.
 *
 * A window frame holds a window: what happened since the frame before. It needs no other frame
 * but the context (host facts and settings), which is repeated every so often and found by its
 * number, before or after: see recording.h. It stands in a recording until there are enough of them
 * to become a group frame (frame_group.h), which is what stays; since version 4 its numbers are
 * therefore plain and nothing of it is compressed, which is several times as fast. An end frame has
 * no payload at all.
 */
#ifndef TUNESCOPE_FRAME_H
#define TUNESCOPE_FRAME_H

#include "window.h"

#define TS_FRAME_VERSION 4 /* what is written; earlier ones are read, too */
#define TS_FRAME_HEADER	 64
/* Times of no more binary digits (window_round.h) take less room in a frame of its own. */
#define TS_FRAME_DIGITS 12
/* Longer ones are damaged: no window comes near. */
#define TS_FRAME_RAW_MAX (64u << 20)

enum ts_frame_type {
	TS_FRAME_CONTEXT = 1, /* host facts and settings */
	TS_FRAME_WINDOW = 2,
	TS_FRAME_END = 3,   /* recording was ended in an orderly way */
	TS_FRAME_GROUP = 4, /* several windows (frame_group.h) */
};

struct ts_frame_header {
	enum ts_frame_type type;
	unsigned int version;
	__u32 stored_length, raw_length;
	__u64 session;
	__u32 sequence;
	__u32 context;
	__u64 realtime_ns, boottime_ns, duration_ns;
	__u32 payload_crc;
};

/* Bytes that grow; {0} is empty. */
struct ts_bytes {
	unsigned char *data;
	size_t length, capacity;
};
void ts_bytes_append(struct ts_bytes *bytes, const void *data, size_t length);
void ts_bytes_free(struct ts_bytes *bytes);

/*
 * Appends a frame to out: header (session, sequence and, for a window, context are taken from
 * header, all else is filled in) and payload. The context of a window is its host facts and
 * settings; ts_frame_context gives its number, which changes when any of them does. An end frame
 * has no window: its realtime_ns and boottime_ns are taken from header, too.
 */
void ts_frame_write_context(const struct ts_window *window, struct ts_frame_header *header,
			    struct ts_bytes *out);
void ts_frame_write_window(const struct ts_window *window, struct ts_frame_header *header,
			   struct ts_bytes *out);
void ts_frame_write_end(struct ts_frame_header *header, struct ts_bytes *out);
/* Only the header's type, times and length; what a group needs of it. */
void ts_frame_of_window(const struct ts_window *window, struct ts_frame_header *header);
__u32 ts_frame_context(const struct ts_window *window);

/*
 * Reads a header at the beginning of data. 0; -EAGAIN when there may be one but fewer bytes than a
 * header are left; -EPROTO when there is none (magic or checksum); -EPROTONOSUPPORT for a valid
 * header of a version this tunescope does not know. Prints nothing.
 */
int ts_frame_read_header(const void *data, size_t length, struct ts_frame_header *header);

/* Whether the payload after the header is whole: enough bytes, and the checksum is right. */
bool ts_frame_payload_valid(const struct ts_frame_header *header, const void *frame, size_t length);

/* What a frame had that this tunescope does not know (recorded by a newer one). */
struct ts_frame_unknown {
	unsigned int families, settings;
};

/*
 * Decode a valid frame. The window gets an arena of its own (ts_window_free) and no host facts or
 * settings until a context is decoded into it. 0, or -EPROTO with why set (a constant text) when
 * the payload is not what it should be although its checksum is right; then window is empty, or, of
 * a context, what it was before. A family the frame does not have is unsupported in the window, and
 * its reason says so. unknown is added to; it and why may be NULL.
 */
int ts_frame_read_window(const struct ts_frame_header *header, const void *frame,
			 struct ts_window *window, struct ts_frame_unknown *unknown,
			 const char **why);
int ts_frame_read_context(const struct ts_frame_header *header, const void *frame,
			  struct ts_window *window, struct ts_frame_unknown *unknown,
			  const char **why);

#endif
