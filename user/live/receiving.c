// SPDX-License-Identifier: GPL-2.0-only
/*
 * When packets alone keep one CPU busy while others idle (softnet.c finds out), a tenth of a second
 * of them is looked at: from which device most of them come, and of how many flows they are; and
 * how that device spreads them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "clock.h"
#include "netns.h"
#include "pace.h"
#include "probe.h"
#include "procfile.h"
#include "receiving.skel.h"
#include "slots.h"

#include <tunescope/receiving.h>

#define AGAIN_NS       4000000000ULL  /* between two looks: at first, */
#define AGAIN_LATER_NS 60000000000ULL /* and as a recording goes on */
#define LONG_NS	       90000000ULL
#define NEWS_NS	       2000000000ULL /* what softnet has seen counts for so long */
#define FLOW_SHARE     100	     /* a flow has at least one in so many packets */
#define MASK_MAX       256
#define PROGRAM	       "ts_receiving_packet"
#define MOUNT_CREATE   6 /* FSCONFIG_CMD_CREATE */

struct result {
	bool known;
	char netns[24], device[TS_RECEIVING_NAME], mask[MASK_MAX];
	__u32 cpu;
	__u64 all, packets, flows, largest, queues;
};

struct receiving {
	struct receiving_bpf *skeleton; /* while it is opened */
	struct ts_probe probe;
	struct receiving_bpf__bss *live;
	size_t live_length;
	const struct ts_receiving *counts;
	size_t counts_length;
	struct ts_receiving before;
	__u64 begun_ns, ended_ns;
	struct result result;
	int error;
};

static void receiving_close(void *opaque)
{
	struct receiving *state = opaque;

	ts_probe_close(&state->probe);
	if (state->counts)
		munmap((void *)state->counts, state->counts_length);
	if (state->live)
		munmap(state->live, state->live_length);
	receiving_bpf__destroy(state->skeleton);
	free(state);
}

static int load(struct receiving *state, struct ts_live *live, enum ts_status *status,
		char why[256])
{
	struct bpf_program *program;
	const struct ts_map *map;
	int error;

	state->skeleton = receiving_bpf__open_opts(ts_open_options(live));
	if (!state->skeleton) {
		snprintf(why, 256, "the BPF object cannot be opened: %s", strerror(errno));
		return -errno;
	}
	program = state->skeleton->progs.ts_receiving_packet;
	bpf_program__set_autoload(program, true);
	bpf_program__set_autoattach(program, false);
	error = ts_probe_load(&state->probe, "receiving", state->skeleton->obj, live, status, why);
	if (!error) {
		map = ts_probe_map(&state->probe, state->skeleton->maps.ts_receiving_map);
		state->counts = ts_map_view(map, &state->counts_length);
		error = state->counts ? 0 : -errno;
	}
	if (!error) {
		map = ts_probe_map(&state->probe, state->skeleton->maps.bss);
		state->live = ts_slots_map(map, &state->live_length);
		error = state->live ? 0 : -errno;
	}
	return error;
}

static int receiving_open(struct ts_live *live, void **opaque, enum ts_status *status,
			  char why[256])
{
	struct receiving *state = calloc(1, sizeof *state);
	int error;

	*status = TS_STATUS_FAILED;
	snprintf(why, 256, "out of memory");
	if (!state)
		return -ENOMEM;
	error = load(state, live, status, why);
	if (error) {
		receiving_close(state);
		return error;
	}
	ts_skeleton_close(receiving, state->skeleton);
	*opaque = state;
	return 0;
}

/* ---- The device most packets come from */

/*
 * /sys of the namespace the thread is in, mounted nowhere: /sys shows that of whoever mounted it.
 * Linux 5.2.
 */
static int open_sys(void)
{
#if defined SYS_fsopen && defined SYS_fsconfig && defined SYS_fsmount
	int context = (int)syscall(SYS_fsopen, "sysfs", 1), sys = -1;

	if (context < 0)
		return -errno;
	if (!syscall(SYS_fsconfig, context, MOUNT_CREATE, NULL, NULL, 0))
		sys = (int)syscall(SYS_fsmount, context, 1, 0);
	if (sys < 0)
		sys = -errno;
	close(context);
	return sys;
#else
	return -ENOSYS;
#endif
}

static __u64 count_queues(int sys, const char *device)
{
	char path[TS_PROC_PATH_MAX];
	__u64 queues = 0;

	do
		snprintf(path, sizeof path, "class/net/%s/queues/rx-%llu", device, queues);
	while (!faccessat(sys, path, F_OK, 0) && ++queues < 1024);
	return queues;
}

static int read_steering(struct result *result)
{
	char path[TS_PROC_PATH_MAX];
	int sys = open_sys();
	ssize_t length;

	if (sys < 0)
		return sys;
	result->queues = count_queues(sys, result->device);
	snprintf(path, sizeof path, "class/net/%s/queues/rx-0/rps_cpus", result->device);
	length = ts_read_small(sys, path, result->mask, sizeof result->mask);
	close(sys);
	return length < 0 ? (int)length : 0;
}

static int look_at_device(struct ts_live *live, struct result *result, __u32 netns)
{
	for (size_t i = 0; i < live->netns->count; i++) {
		const struct ts_netns_entry *entry = &live->netns->entry[i];
		int error;

		if (!entry->alive || !entry->detailed || (__u32)entry->inode != netns)
			continue;
		error = ts_netns_enter(live->netns, entry);
		if (error)
			return error;
		error = read_steering(result);
		ts_netns_leave(live->netns);
		memcpy(result->netns, entry->label, sizeof result->netns);
		return error;
	}
	return -ENOENT;
}

static __u64 since(const struct receiving *state, size_t device)
{
	return state->counts->device[device].packets - state->before.device[device].packets;
}

static void count_flows(const struct receiving *state, size_t device, struct result *result)
{
	for (size_t i = 0; i < TS_RECEIVING_FLOWS; i++) {
		__u64 packets = state->counts->device[device].flow[i] -
				state->before.device[device].flow[i];

		result->flows += packets && packets * FLOW_SHARE >= result->packets;
		if (packets > result->largest)
			result->largest = packets;
	}
}

static void evaluate(struct ts_live *live, struct receiving *state)
{
	struct result result = {
		.cpu = state->live->ts_receiving_cpu - 1,
		.all = state->counts->packets - state->before.packets,
	};
	size_t most = 0;

	for (size_t i = 1; i < TS_RECEIVING_DEVICES; i++)
		if (since(state, i) > since(state, most))
			most = i;
	result.packets = since(state, most);
	if (!result.packets)
		return;
	memcpy(result.device, state->counts->device[most].name, sizeof result.device);
	count_flows(state, most, &result);
	state->error = look_at_device(live, &result, state->counts->device[most].netns);
	result.known = !state->error;
	state->result = result;
}

static bool is_due(const struct ts_live *live, const struct receiving *state, __u64 now)
{
	__u64 again = ts_pace_eager(live, now, TS_PACE_EAGER_NS) ? AGAIN_NS : AGAIN_LATER_NS;

	return live->packet_cpu && now - live->packet_cpu_ns < NEWS_NS &&
	       (!state->ended_ns || now - state->ended_ns >= again) &&
	       ts_probe_status(&state->probe, PROGRAM, NULL) == TS_STATUS_OK;
}

static void receiving_tick(struct ts_live *live, void *opaque, __u64 now)
{
	struct receiving *state = opaque;

	bool looking = ts_probe_attached(&state->probe, PROGRAM);

	if (looking && now - state->begun_ns >= LONG_NS) {
		ts_probe_detach_program(&state->probe, PROGRAM);
		state->ended_ns = now;
		evaluate(live, state);
	} else if (!looking && is_due(live, state, now)) {
		ts_pace_moved(live, now);
		state->before = *state->counts;
		state->live->ts_receiving_cpu = live->packet_cpu;
		state->begun_ns = state->ended_ns = now;
		state->error = ts_probe_attach(&state->probe, PROGRAM);
	}
}

/* ---- Snapshot */

static void add_result(struct ts_snapshot *snapshot, const struct result *result)
{
	const struct {
		const char *kind;
		__u64 value;
	} row[] = {
		{"all", result->all},	    {"packets", result->packets},
		{"flows", result->flows},   {"largest-flow", result->largest},
		{"queues", result->queues},
	};
	char cpu[16], scope[64];

	snprintf(cpu, sizeof cpu, "%u", result->cpu);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		ts_snapshot_gauge(snapshot, TS_FAMILY_RECEIVED_SAMPLE,
				  TS_LABELS(result->netns, result->device, cpu, row[i].kind),
				  (double)row[i].value);
	snprintf(scope, sizeof scope, "%s/%s", result->netns, result->device);
	ts_snapshot_setting(snapshot, TS_SETTING_RPS_CPUS, scope, TS_STATUS_OK, result->mask, "",
			    "");
}

static void receiving_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct receiving *state = opaque;
	const char *lacks;
	enum ts_status status = ts_probe_status(&state->probe, PROGRAM, &lacks);
	char why[256];

	snprintf(why, sizeof why, "%s", status == TS_STATUS_OK ? "" : lacks);
	if (state->error && state->error != -ENOENT) {
		status = TS_STATUS_FAILED;
		snprintf(why, sizeof why,
			 "packets, or how they are spread, cannot be looked at: %s",
			 strerror(-state->error));
	}
	ts_snapshot_source_status(snapshot, TS_SOURCE_RECEIVING, status, why);
	if (status == TS_STATUS_OK && state->result.known)
		add_result(snapshot, &state->result);
	state->result.known = false;
	ts_probe_cost(&state->probe, snapshot);
}

const struct ts_source ts_source_receiving = {
	.id = TS_SOURCE_RECEIVING,
	.open = receiving_open,
	.tick = receiving_tick,
	.snapshot = receiving_snapshot,
	.close = receiving_close,
};
