// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet input per CPU from /proc/net/softnet_stat, sampled every tick, and how busy a CPU was
 * around the ticks in which its backlog dropped packets: a burst onto a CPU that is mostly idle and
 * a CPU that cannot keep up look the same in the counters.
 *
 * Reading /proc/stat costs more than everything else here (the kernel adds up all interrupts of all
 * CPUs), so it is read twice a second while nothing drops (once while next to no packets come), and
 * in the ticks that follow a drop. The time that counts begins with the last reading at least two
 * ticks before the one with the drops, and ends two ticks behind it: half a second to a second and
 * a half. The file counts in ticks of USER_HZ, 10 ms as a rule, so that is known to a few per cent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "collect.h"
#include "pace.h"
#include "proc_stat.h"

enum event {
	PROCESSED,
	DROPPED, /* by the flow limit, too */
	TIME_SQUEEZE,
	RECEIVED_RPS,
	FLOW_LIMIT,
	EVENTS,
};

/* Columns count from 0. Columns were only ever appended: 11 until 5.9, then the CPU number as the
 * 13th. */
static const struct {
	const char *name;
	unsigned int column;
} events[EVENTS] = {
	[PROCESSED] = {"processed", 0},	      [DROPPED] = {"dropped", 1},
	[TIME_SQUEEZE] = {"time-squeeze", 2}, [RECEIVED_RPS] = {"received-rps", 9},
	[FLOW_LIMIT] = {"flow-limit", 10},
};

#define COLUMNS_MIN  11
#define COLUMN_CPU   12
#define COLUMNS_MAX  32
#define TICKS_AROUND 2
#define TICK_NS	     (TS_TICK_MS * 1000000ull)
#define QUIET_NS     (5 * TICK_NS)
#define CALM_NS	     (10 * TICK_NS)
/*
 * Packets in a tick on one CPU: a backlog of a thousand does not overflow with fewer before it is
 * looked at, so ticks may be further apart.
 */
#define FEW_PACKETS 100

/* CPU time of one CPU between two samples, in ticks of USER_HZ. */
struct span {
	__u64 idle, softirq, total;
	__u64 yielding; /* of programs: packets come first */
	bool counted;	/* in struct softnet_cpu, busy */
};

struct softnet_cpu {
	bool known;	    /* in softnet_stat, once */
	bool online;	    /* in its last reading */
	bool present;	    /* in the one that is going on */
	__u32 seen[EVENTS]; /* the kernel's counters have 32 bits and wrap */
	__u64 total[EVENTS];
	__u64 dropped_in_span; /* since the last sample of CPU time */
	__u64 dropped_in_tick;
	__u64 burst; /* most drops in one tick since the last snapshot */
	bool timed;  /* times below is from the previous sample */
	struct ts_cpu_times times;
	struct span before;	     /* the previous span */
	unsigned int still_to_count; /* spans after a drop */
	struct span busy;	     /* all that was counted */
};

struct softnet {
	struct ts_procfile softnet, stat;
	struct ts_proc_stat parsed;
	struct softnet_cpu *cpu; /* by CPU number */
	size_t cpus;
	bool primed;	  /* softnet_stat has been read once */
	bool numbered;	  /* its rows say which CPU they are of */
	__u64 sampled_ns; /* last sample of CPU time */
	int stat_error;	  /* of the last sample */
	bool moved;	  /* it found many packets, or drops */
};

static void softnet_close(void *opaque)
{
	struct softnet *state = opaque;

	ts_procfile_close(&state->softnet);
	ts_procfile_close(&state->stat);
	ts_proc_stat_free(&state->parsed);
	free(state->cpu);
	free(state);
}

static int softnet_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct softnet *state = calloc(1, sizeof *state);
	const char *path = "/proc/net/softnet_stat";
	int error = -ENOMEM;

	*opaque = state;
	if (state) {
		error = ts_procfile_open(&state->softnet, live->proc, "net/softnet_stat");
		path = state->softnet.path;
	}
	if (!error) {
		error = ts_procfile_open(&state->stat, live->proc, "stat");
		path = state->stat.path;
	}
	if (!error)
		return 0;
	*status = TS_STATUS_FAILED;
	ts_proc_why(why, path, error);
	if (state)
		softnet_close(state);
	return error;
}

static struct softnet_cpu *find_cpu(struct softnet *state, __u64 number)
{
	struct softnet_cpu *larger;

	if (number < state->cpus)
		return &state->cpu[number];
	larger = reallocarray(state->cpu, number + 1, sizeof *larger);
	if (!larger)
		return NULL;
	for (size_t i = state->cpus; i <= number; i++)
		larger[i] = (struct softnet_cpu){0};
	state->cpu = larger;
	state->cpus = number + 1;
	return &state->cpu[number];
}

/* Columns of a row, or 0 when it is not a row of hexadecimal numbers of 32 bits. */
static unsigned int parse_row(char *line, __u32 column[COLUMNS_MAX])
{
	unsigned int columns = 0;
	__u64 value;

	while (columns < COLUMNS_MAX && ts_take_hexadecimal(&line, &value)) {
		if (value > ~(__u32)0)
			return 0;
		column[columns++] = (__u32)value;
	}
	return ts_take_word(&line) ? 0 : columns;
}

/*
 * The CPU of a row. Where the file does not tell, its rows are the online CPUs in order: those of
 * /proc/stat, unless one came or went between the two files.
 */
static __u64 row_cpu(const struct softnet *state, const __u32 *column, unsigned int columns,
		     size_t row, size_t rows)
{
	if (columns > COLUMN_CPU)
		return column[COLUMN_CPU];
	return rows == state->parsed.count ? state->parsed.cpu[row].cpu : row;
}

static void count_events(struct softnet *state, struct softnet_cpu *cpu, const __u32 *column)
{
	for (int event = 0; event < EVENTS; event++) {
		__u32 now = column[events[event].column];
		__u64 more = (__u32)(now - cpu->seen[event]);

		/* Cumulative since boot, except for a CPU that comes to light later, or again. */
		if (!cpu->online)
			more = state->primed ? 0 : now;
		else if (event == PROCESSED)
			state->moved |= more >= FEW_PACKETS;
		else if (event == DROPPED) {
			state->moved |= more != 0;
			cpu->dropped_in_span += more;
			cpu->dropped_in_tick += more;
		}
		cpu->total[event] += more;
		cpu->seen[event] = now;
	}
	cpu->known = cpu->present = true;
	if (cpu->dropped_in_tick > cpu->burst)
		cpu->burst = cpu->dropped_in_tick;
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static int read_rows(struct softnet *state)
{
	int error = ts_procfile_read(&state->softnet);
	char *text = state->softnet.text, *line;
	size_t row = 0, rows;

	if (error)
		return error;
	rows = count_lines(text);
	for (; (line = ts_take_line(&text)); row++) {
		__u32 column[COLUMNS_MAX];
		unsigned int columns = parse_row(line, column);
		struct softnet_cpu *cpu;
		__u64 number;

		if (columns < COLUMNS_MIN)
			return -EPROTO;
		number = row_cpu(state, column, columns, row, rows);
		if (number >= TS_CPUS_MAX)
			return -EPROTO;
		cpu = find_cpu(state, number);
		if (!cpu)
			return -ENOMEM;
		count_events(state, cpu, column);
		state->numbered = columns > COLUMN_CPU;
	}
	state->primed = true;
	return 0;
}

static int read_softnet(struct softnet *state)
{
	int error = read_rows(state);

	for (size_t i = 0; i < state->cpus; i++) {
		struct softnet_cpu *cpu = &state->cpu[i];

		/* What a reading that failed did not reach is not offline. */
		cpu->online = cpu->present || (error && cpu->online);
		cpu->present = false;
	}
	return error;
}

static void count_span(struct softnet_cpu *cpu, struct span *span)
{
	if (span->counted)
		return;
	cpu->busy.idle += span->idle;
	cpu->busy.yielding += span->yielding;
	cpu->busy.total += span->total;
	span->counted = true;
}

static struct span span_between(const struct ts_cpu_times *earlier,
				const struct ts_cpu_times *later)
{
	struct span span = {0};

	for (int mode = 0; mode < TS_CPU_MODES; mode++) {
		/* idle and iowait have been seen to go down by a tick */
		__u64 more = later->ticks[mode] > earlier->ticks[mode]
				     ? later->ticks[mode] - earlier->ticks[mode]
				     : 0;

		span.total += more;
		if (mode == TS_CPU_IDLE || mode == TS_CPU_IOWAIT)
			span.idle += more;
		if (mode == TS_CPU_SOFTIRQ)
			span.softirq += more;
		if (mode == TS_CPU_USER || mode == TS_CPU_NICE || mode == TS_CPU_SYSTEM)
			span.yielding += more;
	}
	return span;
}

static void end_span(struct softnet_cpu *cpu, const struct ts_cpu_times *now, __u64 span_ns)
{
	struct span span = cpu->timed ? span_between(&cpu->times, now) : (struct span){0};

	if (cpu->dropped_in_span && cpu->timed) {
		if (span_ns < (1 + TICKS_AROUND) * TICK_NS - TICK_NS / 2)
			count_span(cpu, &cpu->before);
		cpu->still_to_count = 1 + TICKS_AROUND;
	}
	if (cpu->still_to_count) {
		count_span(cpu, &span);
		cpu->still_to_count--;
	}
	cpu->before = span;
	cpu->times = *now;
	cpu->timed = true;
	cpu->dropped_in_span = 0;
}

/* A CPU that is offline: what was before has nothing to do with what comes after. */
static void forget_times(struct softnet_cpu *cpu)
{
	cpu->timed = false;
	cpu->dropped_in_span = 0;
	cpu->still_to_count = 0;
	cpu->before = (struct span){0};
}

static void sample_cpu_time(struct softnet *state, __u64 now_ns)
{
	size_t next = 0;

	for (size_t i = 0; i < state->cpus; i++) {
		struct softnet_cpu *cpu = &state->cpu[i];

		while (next < state->parsed.count && state->parsed.cpu[next].cpu < i)
			next++;
		if (next < state->parsed.count && state->parsed.cpu[next].cpu == i)
			end_span(cpu, &state->parsed.cpu[next], now_ns - state->sampled_ns);
		else
			forget_times(cpu);
	}
	state->sampled_ns = now_ns;
}

/*
 * One CPU that has no time left but for packets, while the others have: how those come is worth a
 * look (receiving.c). What convicts is judged of the whole window; this only must not miss it.
 */
static void find_packet_cpu(struct ts_live *live, const struct softnet *state, __u64 now_ns)
{
	__u64 idle = 0, total = 0;

	for (size_t i = 0; i < state->cpus; i++) {
		idle += state->cpu[i].before.idle;
		total += state->cpu[i].before.total;
	}
	for (size_t i = 0; i < state->cpus; i++) {
		const struct span *span = &state->cpu[i].before;

		if (3 * span->softirq < span->total || 5 * span->idle > span->total ||
		    !span->total || 3 * (idle - span->idle) < total - span->total)
			continue;
		live->packet_cpu = (__u32)i + 1;
		live->packet_cpu_ns = now_ns;
	}
}

static int read_stat(struct softnet *state)
{
	int error = ts_procfile_read(&state->stat);

	if (!error)
		error = ts_proc_stat_parse(&state->parsed, state->stat.text);
	if (error)
		state->parsed.count = 0;
	return error;
}

/* A reading right behind another gives too short a span, unless it has drops to explain. */
static bool time_is_due(const struct ts_live *live, const struct softnet *state, __u64 now_ns)
{
	__u64 wait = ts_pace_calm(live, now_ns) ? CALM_NS : QUIET_NS;

	for (size_t i = 0; i < state->cpus; i++) {
		if (state->cpu[i].dropped_in_span)
			return true;
		if (state->cpu[i].still_to_count)
			wait = TICK_NS;
	}
	return state->stat_error || now_ns - state->sampled_ns >= wait - TICK_NS / 2;
}

/* Returns the error of softnet_stat; that of /proc/stat is kept. */
static int sample(struct ts_live *live, struct softnet *state, __u64 now_ns)
{
	bool first = !state->numbered;
	int error;

	/* Rows without numbers are those of the CPUs that are online now. */
	if (first)
		state->stat_error = read_stat(state);
	error = read_softnet(state);
	if (state->moved)
		ts_pace_moved(live, now_ns);
	state->moved = false;
	if (!time_is_due(live, state, now_ns))
		return error;
	if (!first)
		state->stat_error = read_stat(state);
	if (!state->stat_error) {
		sample_cpu_time(state, now_ns);
		find_packet_cpu(live, state, now_ns);
	}
	return error;
}

static void softnet_tick(struct ts_live *live, void *opaque, __u64 monotonic_ns)
{
	struct softnet *state = opaque;

	sample(live, state,
	       monotonic_ns); /* an error shows again, and is reported, in the snapshot */
	for (size_t i = 0; i < state->cpus; i++)
		state->cpu[i].dropped_in_tick = 0;
}

static void add_cpu(struct ts_snapshot *snapshot, size_t number, const struct softnet_cpu *cpu,
		    bool times)
{
	__u64 tick_ns = ts_tick_ns();
	char label[24];

	snprintf(label, sizeof label, "%zu", number);
	for (int event = 0; event < EVENTS; event++)
		ts_snapshot_counter(snapshot, TS_FAMILY_SOFTNET,
				    TS_LABELS(label, events[event].name), cpu->total[event]);
	ts_snapshot_gauge(snapshot, TS_FAMILY_SOFTNET_BURST, TS_LABELS(label), (double)cpu->burst);
	if (!times)
		return;
	ts_snapshot_counter(snapshot, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(label, "idle"),
			    cpu->busy.idle * tick_ns);
	ts_snapshot_counter(snapshot, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(label, "yielding"),
			    cpu->busy.yielding * tick_ns);
	ts_snapshot_counter(snapshot, TS_FAMILY_SOFTNET_BUSY, TS_LABELS(label, "total"),
			    cpu->busy.total * tick_ns);
}

static void softnet_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct softnet *state = opaque;
	char why[256];
	int error;

	error = sample(live, state, ts_clock_ns(CLOCK_MONOTONIC));
	if (error) {
		ts_proc_why(why, state->softnet.path, error);
		ts_snapshot_source_status(snapshot, TS_SOURCE_SOFTNET, TS_STATUS_FAILED, why);
		return;
	}
	if (state->stat_error) {
		ts_proc_why(why, state->stat.path, state->stat_error);
		ts_snapshot_family_status(snapshot, TS_FAMILY_SOFTNET_BUSY, TS_STATUS_FAILED, why);
	}
	for (size_t i = 0; i < state->cpus; i++) {
		struct softnet_cpu *cpu = &state->cpu[i];

		if (cpu->known)
			add_cpu(snapshot, i, cpu, !state->stat_error);
		cpu->burst = cpu->dropped_in_tick = 0;
	}
}

const struct ts_source ts_source_softnet = {
	.id = TS_SOURCE_SOFTNET,
	.open = softnet_open,
	.tick = softnet_tick,
	.snapshot = softnet_snapshot,
	.close = softnet_close,
};
