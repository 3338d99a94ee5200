// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes through the network interfaces of this namespace that have a device behind them, and the
 * speed of their links: /proc/net/dev and /sys/class/net. Those that are made of others (bridges,
 * VLANs, tunnels) would count the same bytes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfile.h"

#define INTERFACES_MAX	 64
#define SPEED_NS	 60000000000ULL /* asking a driver for it may take a while */
#define BYTES_PER_MBIT	 (1e6 / 8)
#define COLUMNS_RECEIVED 8
#define NAME_MAX_LENGTH	 16

struct interface {
	char name[NAME_MAX_LENGTH];
	bool device;
	__u64 speed; /* Mbit/s; 0: not known */
	__u64 asked_ns;
};

struct interfaces {
	struct ts_procfile file;
	struct interface known[INTERFACES_MAX];
	size_t count;
};

static void interfaces_close(void *opaque)
{
	struct interfaces *state = opaque;

	ts_procfile_close(&state->file);
	free(state);
}

static int interfaces_open(struct ts_live *live, void **opaque, enum ts_status *status,
			   char why[256])
{
	struct interfaces *state = calloc(1, sizeof *state);
	int error = state ? ts_procfile_open(&state->file, live->proc, "net/dev") : -ENOMEM;

	*opaque = state;
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, state ? state->file.path : "/proc/net/dev", error);
	if (state)
		interfaces_close(state);
	return error;
}

static void ask_speed(const struct ts_live *live, struct interface *interface, __u64 now)
{
	char path[TS_PROC_PATH_MAX], text[32];

	snprintf(path, sizeof path, "%s/class/net/%s/device", live->sys, interface->name);
	interface->device = !access(path, F_OK);
	snprintf(path, sizeof path, "%s/class/net/%s/speed", live->sys, interface->name);
	/* -1, or an error, when the link is down or is none. */
	if (!interface->device || ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0 ||
	    !ts_is_number(text, &interface->speed) || interface->speed >= 0xffffffff)
		interface->speed = 0;
	interface->asked_ns = now;
}

/* NULL: there are too many. */
static struct interface *interface_of(const struct ts_live *live, struct interfaces *state,
				      const char *name, __u64 now)
{
	struct interface *interface = NULL;

	for (size_t i = 0; i < state->count && !interface; i++)
		if (!strcmp(state->known[i].name, name))
			interface = &state->known[i];
	if (interface && now - interface->asked_ns < SPEED_NS)
		return interface;
	if (!interface) {
		if (state->count == INTERFACES_MAX || strlen(name) >= NAME_MAX_LENGTH)
			return NULL;
		interface = &state->known[state->count++];
		memcpy(interface->name, name, strlen(name) + 1);
	}
	ask_speed(live, interface, now);
	return interface;
}

/* "eth0: received … sent …": 8 columns for each direction, the first are bytes. */
static int add_line(const struct ts_live *live, struct interfaces *state,
		    struct ts_snapshot *snapshot, char *line)
{
	char *colon = strchr(line, ':'), *name = line + strspn(line, " ");
	__u64 received, sent, number;
	const struct interface *interface;

	if (!colon)
		return -EPROTO;
	*colon++ = '\0';
	if (!ts_take_number(&colon, &received))
		return -EPROTO;
	for (int i = 1; i < COLUMNS_RECEIVED; i++)
		if (!ts_take_number(&colon, &number))
			return -EPROTO;
	if (!ts_take_number(&colon, &sent))
		return -EPROTO;
	interface = interface_of(live, state, name, snapshot->monotonic_ns);
	if (!interface) {
		snapshot->family[TS_FAMILY_INTERFACE_BYTES].overflowed += received + sent;
		return 0;
	}
	if (!interface->device)
		return 0;
	ts_snapshot_counter(snapshot, TS_FAMILY_INTERFACE_BYTES, TS_LABELS(name, "received"),
			    received);
	ts_snapshot_counter(snapshot, TS_FAMILY_INTERFACE_BYTES, TS_LABELS(name, "sent"), sent);
	if (interface->speed)
		ts_snapshot_gauge(snapshot, TS_FAMILY_INTERFACE_SPEED, TS_LABELS(name),
				  (double)interface->speed * BYTES_PER_MBIT);
	return 0;
}

static void interfaces_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct interfaces *state = opaque;
	int error = ts_procfile_read(&state->file);
	char *at = state->file.text, *line, why[256];

	/* Two lines of headings. */
	for (size_t i = 0; !error && (line = ts_take_line(&at)); i++)
		if (i >= 2)
			error = add_line(live, state, snapshot, line);
	if (!error)
		return;
	ts_proc_why(why, state->file.path, error);
	ts_snapshot_source_status(snapshot, TS_SOURCE_INTERFACES, TS_STATUS_FAILED, why);
}

const struct ts_source ts_source_interfaces = {
	.id = TS_SOURCE_INTERFACES,
	.open = interfaces_open,
	.snapshot = interfaces_snapshot,
	.close = interfaces_close,
};
