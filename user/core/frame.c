// SPDX-License-Identifier: GPL-2.0-only
/* Frames: header, checksums and compression; the payload is frame_payload.h's. */
#include "frame.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "arena.h"
#include "frame_payload.h"

static const unsigned char magic[4] = {0x89, 'T', 'S', 'F'};

#define CHECKED_HEADER 60 /* bytes of the header its checksum covers */
/* zlib packs no more than so many bytes into one. */
#define MAX_EXPANSION 1032
#define GROUP_LEVEL   7
/* Most of what zlib does with a short payload is to clear the memory for a long one. */
#define SHORT_PAYLOAD 16384
#define SHORT_WINDOW  14
#define SHORT_MEMORY  7
#define LONG_MEMORY   8
/* And to store one needs none of it. */
#define LEAST_WINDOW 9
#define LEAST_MEMORY 1
/* What ending a block and beginning one that is stored takes, and more than that. */
#define STORED_BLOCK 64

/* ---- bytes */

void ts_bytes_append(struct ts_bytes *bytes, const void *data, size_t length)
{
	if (!length)
		return;
	if (bytes->capacity - bytes->length < length) {
		bytes->capacity = (bytes->length + length) * 2;
		bytes->data = ts_memory_resize(bytes->data, bytes->capacity);
	}
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void ts_bytes_free(struct ts_bytes *bytes)
{
	ts_memory_free(bytes->data);
	*bytes = (struct ts_bytes){0};
}

const char *ts_frame_kind_name(enum ts_kind kind)
{
	static const char *const names[] = {
		[TS_KIND_COUNTER] = "counter",
		[TS_KIND_GAUGE] = "gauge",
		[TS_KIND_PEAK] = "peak",
		[TS_KIND_HISTOGRAM] = "histogram",
	};

	return names[kind];
}

/* ---- header */

static void put_little(unsigned char *at, __u64 value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static __u64 get_little(const unsigned char *at, size_t size)
{
	__u64 value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (__u64)at[i] << 8 * i;
	return value;
}

static __u32 checksum(const void *data, size_t length)
{
	return (__u32)crc32_z(crc32_z(0, NULL, 0), data, length);
}

static void append_header(const struct ts_frame_header *header, struct ts_bytes *out)
{
	unsigned char bytes[TS_FRAME_HEADER];

	memcpy(bytes, magic, sizeof magic);
	put_little(bytes + 4, header->version, 1);
	put_little(bytes + 5, header->type, 1);
	put_little(bytes + 6, TS_FRAME_HEADER, 2);
	put_little(bytes + 8, header->stored_length, 4);
	put_little(bytes + 12, header->raw_length, 4);
	put_little(bytes + 16, header->session, 8);
	put_little(bytes + 24, header->sequence, 4);
	put_little(bytes + 28, header->context, 4);
	put_little(bytes + 32, header->realtime_ns, 8);
	put_little(bytes + 40, header->boottime_ns, 8);
	put_little(bytes + 48, header->duration_ns, 8);
	put_little(bytes + 56, header->payload_crc, 4);
	put_little(bytes + CHECKED_HEADER, checksum(bytes, CHECKED_HEADER), 4);
	ts_bytes_append(out, bytes, sizeof bytes);
}

int ts_frame_read_header(const void *data, size_t length, struct ts_frame_header *header)
{
	const unsigned char *bytes = data;

	if (length && memcmp(bytes, magic, length < sizeof magic ? length : sizeof magic) != 0)
		return -EPROTO;
	if (length < TS_FRAME_HEADER)
		return -EAGAIN;
	if (checksum(bytes, CHECKED_HEADER) != get_little(bytes + CHECKED_HEADER, 4))
		return -EPROTO;
	*header = (struct ts_frame_header){
		.version = (unsigned int)get_little(bytes + 4, 1),
		.type = (enum ts_frame_type)get_little(bytes + 5, 1),
		.stored_length = (__u32)get_little(bytes + 8, 4),
		.raw_length = (__u32)get_little(bytes + 12, 4),
		.session = get_little(bytes + 16, 8),
		.sequence = (__u32)get_little(bytes + 24, 4),
		.context = (__u32)get_little(bytes + 28, 4),
		.realtime_ns = get_little(bytes + 32, 8),
		.boottime_ns = get_little(bytes + 40, 8),
		.duration_ns = get_little(bytes + 48, 8),
		.payload_crc = (__u32)get_little(bytes + 56, 4),
	};
	if (!header->version || header->version > TS_FRAME_VERSION)
		return -EPROTONOSUPPORT;
	if (get_little(bytes + 6, 2) != TS_FRAME_HEADER || header->raw_length > TS_FRAME_RAW_MAX ||
	    header->stored_length > TS_FRAME_RAW_MAX)
		return -EPROTO;
	return 0;
}

bool ts_frame_payload_valid(const struct ts_frame_header *header, const void *frame, size_t length)
{
	const unsigned char *payload = (const unsigned char *)frame + TS_FRAME_HEADER;

	return length >= TS_FRAME_HEADER && length - TS_FRAME_HEADER >= header->stored_length &&
	       checksum(payload, header->stored_length) == header->payload_crc;
}

/* ---- compression; zlib's memory comes from an arena, so that nothing can fail or leak */

static void *allocate(void *arena, unsigned int items, unsigned int size)
{
	return ts_arena_alloc(arena, (size_t)items * size);
}

static void release(void *arena, void *memory)
{
}

struct compression {
	int level, window_bits, memory;
	bool knows_dictionary;
};

/*
 * The first bytes are packed, all of them or none. Strings of a group are called by their places
 * already: the dictionary and a higher level would save a dozen bytes and double the time.
 */
static struct compression compression_of(const struct ts_bytes *raw, size_t first)
{
	bool brief = first <= SHORT_PAYLOAD;

	if (!first)
		return (struct compression){Z_NO_COMPRESSION, LEAST_WINDOW, LEAST_MEMORY, false};
	return (struct compression){
		.level = first < raw->length ? GROUP_LEVEL : Z_BEST_COMPRESSION,
		.window_bits = brief ? SHORT_WINDOW : MAX_WBITS,
		.memory = brief ? SHORT_MEMORY : LONG_MEMORY,
		.knows_dictionary = first == raw->length,
	};
}

/*
 * The first bytes of raw are packed; those behind are packed already, or for a short time only, and
 * stored as they are.
 */
static void compress_payload(const struct ts_bytes *raw, size_t first, struct ts_bytes *stored)
{
	const struct ts_frame_dictionary *dictionary = ts_frame_dictionary(TS_FRAME_VERSION);
	const struct compression how = compression_of(raw, first);
	struct ts_arena *arena = ts_arena_new();
	z_stream stream = {.zalloc = allocate, .zfree = release, .opaque = arena};
	int status = deflateInit2(&stream, how.level, Z_DEFLATED, how.window_bits, how.memory,
				  Z_DEFAULT_STRATEGY);

	assert(status == Z_OK && raw->length <= TS_FRAME_RAW_MAX);
	if (how.knows_dictionary)
		deflateSetDictionary(&stream, (const Bytef *)dictionary->text,
				     (uInt)dictionary->length);
	stored->capacity = deflateBound(&stream, raw->length) + STORED_BLOCK;
	stored->data = ts_memory_resize(NULL, stored->capacity);
	stream.next_in = raw->data;
	stream.avail_in = (uInt)(first ? first : raw->length);
	stream.next_out = stored->data;
	stream.avail_out = (uInt)stored->capacity;
	if (first && first < raw->length) {
		deflate(&stream, Z_BLOCK);
		deflateParams(&stream, Z_NO_COMPRESSION, Z_DEFAULT_STRATEGY);
		stream.avail_in = (uInt)(raw->length - first);
	}
	status = deflate(&stream, Z_FINISH);
	assert(status == Z_STREAM_END);
	stored->length = stream.total_out;
	ts_arena_free(arena);
}

/* Begins to expand. 0, or what zlib says. */
static int start_expanding(z_stream *stream, const struct ts_frame_header *header,
			   const void *frame, unsigned char *out, size_t length)
{
	const struct ts_frame_dictionary *dictionary = ts_frame_dictionary(header->version);
	int status;

	stream->next_in = (Bytef *)frame + TS_FRAME_HEADER;
	stream->avail_in = header->stored_length;
	stream->next_out = out;
	stream->avail_out = (uInt)length;
	if (inflateInit(stream) != Z_OK)
		return Z_DATA_ERROR;
	status = inflate(stream, Z_FINISH);
	if (status == Z_NEED_DICT && inflateSetDictionary(stream, (const Bytef *)dictionary->text,
							  (uInt)dictionary->length) == Z_OK)
		status = inflate(stream, Z_FINISH);
	return status;
}

/* raw_length bytes in the arena, or NULL: damaged, or another length than that. */
unsigned char *ts_frame_expand(struct ts_arena *arena, const struct ts_frame_header *header,
			       const void *frame)
{
	z_stream stream = {.zalloc = allocate, .zfree = release, .opaque = arena};
	unsigned char *raw;
	int status;

	if (header->raw_length > TS_FRAME_RAW_MAX ||
	    header->raw_length > (__u64)header->stored_length * MAX_EXPANSION)
		return NULL;
	raw = ts_arena_alloc(arena, header->raw_length + 1);
	status = start_expanding(&stream, header, frame, raw, header->raw_length);
	if (status != Z_STREAM_END || stream.total_out != header->raw_length)
		return NULL;
	return raw;
}

size_t ts_frame_expand_start(const struct ts_frame_header *header, const void *frame,
			     unsigned char *start, size_t length)
{
	struct ts_arena *arena = ts_arena_new();
	z_stream stream = {.zalloc = allocate, .zfree = release, .opaque = arena};
	int status = start_expanding(&stream, header, frame, start, length);

	ts_arena_free(arena);
	return status == Z_STREAM_END || status == Z_BUF_ERROR || status == Z_OK ? stream.total_out
										 : SIZE_MAX;
}

/* ---- frames */

void ts_frame_append(struct ts_frame_header *header, const struct ts_bytes *raw, size_t first,
		     struct ts_bytes *out)
{
	struct ts_bytes stored = {0};

	compress_payload(raw, first, &stored);
	header->version = TS_FRAME_VERSION;
	header->raw_length = (__u32)raw->length;
	header->stored_length = (__u32)stored.length;
	header->payload_crc = checksum(stored.data, stored.length);
	append_header(header, out);
	ts_bytes_append(out, stored.data, stored.length);
	ts_bytes_free(&stored);
}

static void set_times(struct ts_frame_header *header, const struct ts_window *window)
{
	header->realtime_ns = window->delta->realtime_ns;
	header->boottime_ns = window->delta->boottime_ns;
	header->duration_ns = 0;
}

void ts_frame_of_window(const struct ts_window *window, struct ts_frame_header *header)
{
	header->type = TS_FRAME_WINDOW;
	set_times(header, window);
	header->duration_ns = (__u64)llround(window->seconds * 1e9);
}

void ts_frame_write_window(const struct ts_window *window, struct ts_frame_header *header,
			   struct ts_bytes *out)
{
	struct ts_bytes raw = {0};

	ts_frame_payload_window(window, &raw);
	ts_frame_of_window(window, header);
	ts_frame_append(header, &raw, 0, out);
	ts_bytes_free(&raw);
}

void ts_frame_write_context(const struct ts_window *window, struct ts_frame_header *header,
			    struct ts_bytes *out)
{
	struct ts_bytes raw = {0};

	ts_frame_payload_context(window, &raw);
	header->type = TS_FRAME_CONTEXT;
	header->context = ts_frame_context(window);
	set_times(header, window);
	ts_frame_append(header, &raw, raw.length, out);
	ts_bytes_free(&raw);
}

void ts_frame_write_end(struct ts_frame_header *header, struct ts_bytes *out)
{
	header->version = TS_FRAME_VERSION;
	header->type = TS_FRAME_END;
	header->raw_length = header->stored_length = 0;
	header->duration_ns = 0;
	header->payload_crc = checksum(NULL, 0);
	append_header(header, out);
}

static __u32 add_text(__u32 sum, const char *text)
{
	return (__u32)crc32_z(sum, (const Bytef *)text, strlen(text) + 1);
}

/* Asked for with each window: of the texts themselves, not of how they are written. */
__u32 ts_frame_context(const struct ts_window *window)
{
	const struct ts_snapshot *delta = window->delta;
	const struct ts_host *host = &delta->host;
	__u32 sum = checksum(&host->memory_bytes, sizeof host->memory_bytes);

	sum = (__u32)crc32_z(sum, (const Bytef *)&host->cpus, sizeof host->cpus);
	sum = add_text(sum, host->hostname);
	sum = add_text(sum, host->kernel);
	sum = add_text(sum, host->machine);
	sum = add_text(sum, host->boot_id);
	sum = add_text(sum, host->tool_version);
	for (size_t i = 0; i < delta->settings; i++) {
		const struct ts_setting_value *setting = &delta->setting[i];

		sum = add_text(sum, ts_settings[setting->id].name);
		sum = add_text(sum, setting->scope);
		sum = add_text(sum, setting->value);
		sum = add_text(sum, setting->choices);
		sum = add_text(sum, ts_status_name(setting->status));
		sum = add_text(sum, setting->why);
	}
	return sum;
}

typedef int payload_reader(const struct ts_frame_header *header, const unsigned char *payload,
			   struct ts_window *window, struct ts_frame_unknown *unknown,
			   const char **why);

static int read_frame(const struct ts_frame_header *header, const void *frame,
		      payload_reader *read_payload, struct ts_window *window,
		      struct ts_frame_unknown *unknown, const char **why)
{
	struct ts_frame_unknown ignored = {0};
	struct ts_arena *arena = ts_arena_new();
	unsigned char *raw = ts_frame_expand(arena, header, frame);
	const char *reason = "its content cannot be unpacked";
	int error = -EPROTO;

	if (raw)
		error = read_payload(header, raw, window, unknown ? unknown : &ignored, &reason);
	if (why)
		*why = error ? reason : NULL;
	ts_arena_free(arena);
	return error;
}

int ts_frame_read_window(const struct ts_frame_header *header, const void *frame,
			 struct ts_window *window, struct ts_frame_unknown *unknown,
			 const char **why)
{
	*window = (struct ts_window){0};
	return read_frame(header, frame, ts_frame_payload_read_window, window, unknown, why);
}

int ts_frame_read_context(const struct ts_frame_header *header, const void *frame,
			  struct ts_window *window, struct ts_frame_unknown *unknown,
			  const char **why)
{
	return read_frame(header, frame, ts_frame_payload_read_context, window, unknown, why);
}
