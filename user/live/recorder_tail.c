// SPDX-License-Identifier: GPL-2.0-only
/* Is this file a recording, and where does its last whole frame end? */
#include "recorder_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/arena.h"

#define CHUNK_BYTES (1u << 18)

static const unsigned char magic[4] = {0x89, 'T', 'S', 'F'};

/* As many bytes as there are; a negative errno. */
static ssize_t read_at(int descriptor, void *data, size_t length, __u64 offset)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = pread(descriptor, (char *)data + done, length - done,
				  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static bool known_or_newer(int error)
{
	return !error || error == -EPROTONOSUPPORT;
}

int ts_recorder_file_next(const struct ts_recorder_file *file, __u64 *offset,
			  struct ts_frame_header *header)
{
	unsigned char data[4096];
	ssize_t length;

	for (;;) {
		size_t i = 0;

		if (*offset >= file->length)
			return -ENODATA;
		/* Nearly always a frame begins right here: its header is all that is needed. */
		length = read_at(file->descriptor, data, TS_FRAME_HEADER, *offset);
		if (length < 0)
			return (int)length;
		if (known_or_newer(ts_frame_read_header(data, (size_t)length, header)))
			return 0;
		length = read_at(file->descriptor, data, sizeof data, ++*offset);
		if (length < 0)
			return (int)length;
		for (; i + sizeof magic <= (size_t)length; i++)
			if (!memcmp(data + i, magic, sizeof magic))
				break;
		*offset += i;
		if (length < TS_FRAME_HEADER)
			return -ENODATA;
	}
}

/* Whether the frame whose header stands at offset is all there; then *end is behind it. */
static int check_whole(int descriptor, __u64 size, __u64 offset,
		       const struct ts_frame_header *header, bool newer, __u64 *end)
{
	size_t length = (size_t)ts_recorder_frame_length(header);
	unsigned char *frame;
	ssize_t n;
	bool whole;

	if (offset + length > size)
		return -ENODATA;
	*end = offset + length;
	if (newer)
		return 0;
	frame = ts_memory_resize(NULL, length);
	n = read_at(descriptor, frame, length, offset);
	whole = n == (ssize_t)length && ts_frame_payload_valid(header, frame, length);
	free(frame);
	if (n < 0)
		return (int)n;
	return whole ? 0 : -ENODATA;
}

/* The last whole frame that begins in the chunk read from offset on. */
static int search_chunk(int descriptor, __u64 size, __u64 offset, const unsigned char *chunk,
			size_t length, __u64 *end)
{
	struct ts_frame_header header;

	for (size_t i = length; i-- > 0;) {
		int error;

		if (chunk[i] != magic[0])
			continue;
		error = ts_frame_read_header(chunk + i, length - i, &header);
		if (!known_or_newer(error))
			continue;
		error = check_whole(descriptor, size, offset + i, &header, error, end);
		if (error != -ENODATA)
			return error;
	}
	return -ENODATA;
}

/* From the end backwards, so that opening a large recording reads little of it. */
static int search_backwards(int descriptor, __u64 size, __u64 *end)
{
	unsigned char *chunk = ts_memory_resize(NULL, CHUNK_BYTES + TS_FRAME_HEADER);
	__u64 offset = size;
	int error = -ENODATA;

	while (offset && error == -ENODATA) {
		__u64 until = offset;
		ssize_t n;

		offset = offset > CHUNK_BYTES ? offset - CHUNK_BYTES : 0;
		/* A header that begins in this chunk may end in the next one. */
		n = read_at(descriptor, chunk, (size_t)(until - offset) + TS_FRAME_HEADER, offset);
		error = n < 0 ? (int)n
			      : search_chunk(descriptor, size, offset, chunk, (size_t)n, end);
	}
	free(chunk);
	return error;
}

int ts_recorder_tail(int descriptor, __u64 size, __u64 *end)
{
	unsigned char head[TS_FRAME_HEADER];
	struct ts_frame_header header;
	ssize_t length;
	int error;

	*end = 0;
	if (!size)
		return 0;
	length = read_at(descriptor, head, sizeof head, 0);
	if (length < 0)
		return (int)length;
	if (memcmp(head, magic, (size_t)length < sizeof magic ? (size_t)length : sizeof magic))
		return -EINVAL;
	error = search_backwards(descriptor, size, end);
	if (error != -ENODATA)
		return error;
	/* Not one whole frame. The first one may have been cut short; anything else is foreign. */
	error = ts_frame_read_header(head, (size_t)length, &header);
	if (error == -EAGAIN || (!error && ts_recorder_frame_length(&header) > size))
		return 0;
	return -EINVAL;
}
