// SPDX-License-Identifier: GPL-2.0-only
/* The table of measures. */
#include "measure.h"
#include "measure_parts.h"

/* Fewer observations than these have no such percentile worth the name. */
#define LEAST_50 10
#define LEAST_95 20
#define LEAST_99 100

#define NEEDS(...)                                                                             \
	.needs_count = sizeof((enum ts_family_id[]){__VA_ARGS__}) / sizeof(enum ts_family_id), \
	.needs = {__VA_ARGS__}

/* A percentile of a family; matchers and aggregation are those of its labels. */
#define PERCENTILE(percent, measure_name, subject, family, measured_per, which, samples_are,      \
		   opening, closing, matchers, text)                                              \
	{                                                                                         \
		.name = measure_name "-p" #percent, .what = #percent "th percentile of " subject, \
		.meaning = text, .unit = TS_MEASURE_SECONDS, .per = measured_per,                 \
		NEEDS(TS_FAMILY_##family), .least = LEAST_##percent, .sample = samples_are,       \
		.measure = ts_measure_quantile, .quantile = percent / 100.0, .variant = which,    \
		.promql = "histogram_quantile(@q, " opening "rate(@0_bucket" matchers             \
			  "[@r])" closing ")",                                                    \
		.promql_samples = opening "increase(@0_count" matchers "[@r])" closing,           \
	}

#define SERVICE_TIME(percent)                                                                   \
	PERCENTILE(percent, "service-time", "the service time", TCP_SERVICE_TIME,               \
		   TS_PER_SERVICE_PORT, "service", "exchanges", "", "", "{side=\"service\"@s}", \
		   "from the first data of a request to the first data of its reply, as the "   \
		   "kernel sees them come and go. Where requests are sent before the last "     \
		   "one is answered, or replies without being asked for, it is approximate")
#define LIVE_SERVICE_TIME(percent)                                                              \
	PERCENTILE(percent, "live-service-time", "the service time on open connections",        \
		   TCP_LIVE_SERVICE_TIME, TS_PER_SERVICE_PORT, "service", "exchanges", "", "",  \
		   "{side=\"service\"@s}",                                                      \
		   "from a request to the last data of its reply, sampled on connections that " \
		   "stay open; only exchanges longer than a tick of the kernel's clock (1 to "  \
		   "10 ms) are seen, so that among many short ones it tells too much. For "     \
		   "kernels where service-time does not see such connections")
#define CALL_TIME(percent)                                                                     \
	PERCENTILE(percent, "call-time", "the time of outbound calls", TCP_SERVICE_TIME,       \
		   TS_PER_REMOTE_PORT, "outbound", "calls", "", "", "{side=\"outbound\"@s}",   \
		   "from the last data of a request this host sends to the first data of its " \
		   "reply, by the port of the other side")
#define CONNECT_LATENCY(percent)                                                           \
	PERCENTILE(percent, "connect-latency", "the time to connect", TCP_CONNECT_LATENCY, \
		   TS_PER_REMOTE_PORT, "", "connects", "", "", "{port!=\"other\"@s}",      \
		   "from the first SYN to an established connection, by the port of the "  \
		   "other side")
#define RUN_QUEUE_LATENCY(percent)                                                      \
	PERCENTILE(percent, "run-queue-latency", "the run-queue latency", RUNQ_LATENCY, \
		   TS_PER_HOST, "", "waits", "", "", "",                                \
		   "how long tasks that could run waited for a CPU")
#define BLOCK_LATENCY(percent)                                                                 \
	PERCENTILE(percent, "block-latency", "the latency of block requests", BLOCK_LATENCY,   \
		   TS_PER_DEVICE, "", "requests", "sum without (op) (", ")",                   \
		   "{op=~\"read|write\",device!=\"other\"@s}",                                 \
		   "reads and writes of a block device, from allocation to completion (queue " \
		   "and device)")

#define PRESSURE_SHARE(which)                                                                 \
	{                                                                                     \
		.name = which "-pressure",                                                    \
		.what = "share of time in which some task waited for " which,                 \
		.meaning = "stall time of the kernel's pressure information (PSI, some)",     \
		.unit = TS_MEASURE_RATIO, .per = TS_PER_HOST, NEEDS(TS_FAMILY_PRESSURE),      \
		.least = 1000, .sample = "milliseconds", .measure = ts_measure_pressure,      \
		.variant = which,                                                             \
		.promql = "clamp_max(rate(@0{resource=\"" which "\",kind=\"some\"}[@r]), 1)", \
	}

#define EXCHANGE_RATE(measure_name, samples_are, measured_per, which, text)                 \
	{                                                                                   \
		.name = measure_name, .what = "rate of " samples_are, .meaning = text,      \
		.unit = TS_MEASURE_PER_SECOND, .per = measured_per, .lower_is_worse = true, \
		NEEDS(TS_FAMILY_TCP_EXCHANGES), .least = 1, .sample = samples_are,          \
		.measure = ts_measure_rate, .variant = which,                               \
		.promql = "(rate(@0{side=\"" which "\"@s}[@r]) > 0)",                       \
	}

#define ENDED_OR_DROPPED(rate)                                              \
	"sum without (side) (" rate "(@1{side=\"service\"@s}[@r]) or " rate \
	"(@2{port!=\"other\"@s}[@r]))"

const struct ts_measure ts_measures[] = {
	SERVICE_TIME(50),
	SERVICE_TIME(95),
	SERVICE_TIME(99),
	LIVE_SERVICE_TIME(50),
	LIVE_SERVICE_TIME(95),
	LIVE_SERVICE_TIME(99),
	CALL_TIME(50),
	CALL_TIME(95),
	CALL_TIME(99),
	CONNECT_LATENCY(95),
	CONNECT_LATENCY(99),
	{
		.name = "connection-error-share",
		.what = "share of connections with an error",
		.meaning = "connection errors only: resets received and sent by a service and "
			   "attempts its listener dropped, as a share of the connections that "
			   "ended and the attempts dropped. HTTP status codes are payload, which "
			   "the kernel does not see: a service that answers 500 is not counted",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_SERVICE_PORT,
		NEEDS(TS_FAMILY_TCP_RESETS, TS_FAMILY_TCP_CONNECTIONS,
		      TS_FAMILY_TCP_LISTENER_DROPS),
		.least = 20,
		.sample = "connections",
		.measure = ts_measure_connection_errors,
		.variant = "service",
		/* No series of drops has a side: `or` puts both together. */
		.promql = "clamp_max(sum without (side, direction) "
			  "(rate(@0{side=\"service\"@s}[@r]) or rate(@2{port!=\"other\"@s}[@r])) "
			  "/ " ENDED_OR_DROPPED("rate") ", 1)",
		.promql_samples = ENDED_OR_DROPPED("increase"),
	},
	{
		.name = "connection-rate",
		.what = "rate of connections that ended",
		.meaning = "connections of a service that ended, each second; those that carry "
			   "many requests count once. A service without any has no value",
		.unit = TS_MEASURE_PER_SECOND,
		.per = TS_PER_SERVICE_PORT,
		.lower_is_worse = true,
		NEEDS(TS_FAMILY_TCP_CONNECTIONS),
		.least = 1,
		.sample = "connections",
		.measure = ts_measure_rate,
		.variant = "service",
		.promql = "(rate(@0{side=\"service\"@s}[@r]) > 0)",
	},
	EXCHANGE_RATE("request-rate", "requests", TS_PER_SERVICE_PORT, "service",
		      "requests that came to a listening port, each second; of what is sent ahead, "
		      "without waiting for replies, several may count once. A service without any "
		      "has no value"),
	EXCHANGE_RATE("call-rate", "calls", TS_PER_REMOTE_PORT, "outbound",
		      "requests of this host that were replied to, each second, by the port of the "
		      "other side. A port without any has no value"),
	RUN_QUEUE_LATENCY(95),
	RUN_QUEUE_LATENCY(99),
	BLOCK_LATENCY(95),
	BLOCK_LATENCY(99),
	{
		.name = "cpu-utilisation",
		.what = "share of CPU time that was not idle",
		.meaning = "of all CPUs together; waiting for I/O is idle time, time stolen by the "
			   "hypervisor is not",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_HOST,
		NEEDS(TS_FAMILY_CPU_TIME),
		.least = 1000,
		.sample = "milliseconds of CPU time",
		.measure = ts_measure_cpu,
		.variant = "",
		.promql = "1 - sum without (cpu, mode) (rate(@0{mode=~\"idle|iowait\"}[@r])) / "
			  "sum without (cpu, mode) (rate(@0[@r]))",
	},
	{
		.name = "cpu-iowait-share",
		.what = "share of CPU time spent idle with I/O outstanding",
		.meaning = "of all CPUs together (I/O wait)",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_HOST,
		NEEDS(TS_FAMILY_CPU_TIME),
		.least = 1000,
		.sample = "milliseconds of CPU time",
		.measure = ts_measure_cpu,
		.variant = "iowait",
		.promql = "sum without (cpu, mode) (rate(@0{mode=\"iowait\"}[@r])) / "
			  "sum without (cpu, mode) (rate(@0[@r]))",
	},
	{
		.name = "memory-utilisation",
		.what = "share of memory that is not available",
		.meaning = "1 less MemAvailable as a share of MemTotal: caches that can be given "
			   "up are not in use",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_HOST,
		NEEDS(TS_FAMILY_MEMORY),
		.least = 1,
		.sample = "readings",
		.measure = ts_measure_memory,
		.variant = "",
		.promql = "1 - @0{kind=\"available\"} / ignoring (kind) @0{kind=\"total\"}",
	},
	{
		.name = "disk-utilisation",
		.what = "share of time in which the disk was busy",
		.meaning = "time with at least one request in flight; devices that serve many at "
			   "once can take more at 100 %",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_DEVICE,
		NEEDS(TS_FAMILY_DISK_BUSY),
		.least = 1000,
		.sample = "milliseconds",
		.measure = ts_measure_disk,
		.variant = "",
		.promql = "clamp_max(rate(@0{device!=\"other\"@s}[@r]), 1)",
	},
	{
		.name = "network-utilisation",
		.what = "bytes through an interface as a share of its link's speed",
		.meaning =
			"of the direction that has more of them. Only interfaces whose driver "
			"knows the speed of the link: those of virtual machines mostly have none",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_DEVICE,
		NEEDS(TS_FAMILY_INTERFACE_BYTES, TS_FAMILY_INTERFACE_SPEED),
		.least = 1,
		.sample = "links of known speed",
		.measure = ts_measure_network,
		.variant = "",
		.promql = "max without (direction) (rate(@0{device!=\"other\"@s}[@r])) / @1",
	},
	PRESSURE_SHARE("cpu"),
	PRESSURE_SHARE("memory"),
	PRESSURE_SHARE("io"),
	{
		.name = "file-handle-utilisation",
		.what = "share of the host's file handles in use",
		.meaning = "open file handles as a share of fs.file-max",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_HOST,
		NEEDS(TS_FAMILY_FILE_HANDLES),
		.least = 1,
		.sample = "readings",
		.measure = ts_measure_files,
		.variant = "",
		.promql = "@0{kind=\"allocated\"} / ignoring (kind) @0{kind=\"maximum\"}",
	},
	{
		.name = TS_MEASURE_ELSEWHERE,
		.what = "something the kernel does not see",
		.meaning = "an aim of the application's own, such as the hit rate of its cache. It "
			   "has no value here; where = TEXT in the profile says where to look",
		.unit = TS_MEASURE_RATIO,
		.per = TS_PER_HOST,
		.sample = "samples",
		.variant = "",
	},
};
const size_t ts_measures_count = sizeof ts_measures / sizeof ts_measures[0];
