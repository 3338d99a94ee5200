// SPDX-License-Identifier: GPL-2.0-only
#include "kernel_facts.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../live/kernel_types.h"

struct context {
	const char *btf_path;
	const struct btf *btf; /* NULL: none */
	__u32 types;	       /* in the whole of it */
};

static void __attribute__((format(printf, 2, 3)))
detail(struct ts_fact *fact, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fact->detail, sizeof fact->detail, format, arguments);
	va_end(arguments);
}

/* First line of a file, without its newline. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool read;

	*line = '\0';
	if (!file)
		return false;
	read = fgets(line, size, file);
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return read;
}

static enum ts_fact_state check_btf(const struct context *context, struct ts_fact *fact)
{
	struct stat file;

	if (!context->btf) {
		detail(fact, "%s: %s", context->btf_path, strerror(errno));
		return TS_FACT_NO;
	}
	if (stat(context->btf_path, &file))
		file.st_size = 0;
	detail(fact, "%s, %.1f MiB, %u types", context->btf_path, (double)file.st_size / 0x1p20,
	       context->types);
	return TS_FACT_YES;
}

static bool has_member(const struct btf *btf, const char *structure, const char *member)
{
	int id = btf__find_by_name_kind(btf, structure, BTF_KIND_STRUCT);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (int i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), member))
			return true;
	return false;
}

/* All of the named "structure.member"s exist. */
static enum ts_fact_state members(const struct context *context, struct ts_fact *fact,
				  const char *const (*pairs)[2], size_t count)
{
	if (!context->btf) {
		detail(fact, "unknown without BTF");
		return TS_FACT_UNKNOWN;
	}
	for (size_t i = 0; i < count; i++) {
		if (has_member(context->btf, pairs[i][0], pairs[i][1]))
			continue;
		detail(fact, "struct %s has no %s", pairs[i][0], pairs[i][1]);
		return TS_FACT_NO;
	}
	detail(fact, "struct %s has %s%s%s", pairs[0][0], pairs[0][1], count > 1 ? " and " : "",
	       count > 1 ? pairs[1][1] : "");
	return TS_FACT_YES;
}

static enum ts_fact_state check_sched_info(const struct context *context, struct ts_fact *fact)
{
	static const char *const pairs[][2] = {{"sched_info", "run_delay"},
					       {"sched_info", "last_queued"},
					       {"task_struct", "sched_info"}};

	return members(context, fact, pairs, 3);
}

static enum ts_fact_state check_request_times(const struct context *context, struct ts_fact *fact)
{
	static const char *const pairs[][2] = {{"request", "start_time_ns"},
					       {"request", "io_start_time_ns"}};

	return members(context, fact, pairs, 2);
}

static enum ts_fact_state check_iterator(const struct context *context, struct ts_fact *fact)
{
	static const char *const name[] = {"bpf_iter__tcp", "bpf_iter__task"};

	if (!context->btf) {
		detail(fact, "unknown without BTF");
		return TS_FACT_UNKNOWN;
	}
	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
		if (btf__find_by_name_kind(context->btf, name[i], BTF_KIND_STRUCT) > 0)
			continue;
		detail(fact, "struct %s is missing", name[i]);
		return TS_FACT_NO;
	}
	detail(fact, "tcp, task");
	return TS_FACT_YES;
}

static enum ts_fact_state check_sock_diag(const struct context *context, struct ts_fact *fact)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0) {
		detail(fact, "%s", strerror(errno));
		return TS_FACT_NO;
	}
	close(fd);
	detail(fact, "netlink answers");
	return TS_FACT_YES;
}

static enum ts_fact_state check_pressure(const struct context *context, struct ts_fact *fact)
{
	char line[128];

	if (read_line("/proc/pressure/cpu", line, sizeof line)) {
		detail(fact, "/proc/pressure/cpu");
		return TS_FACT_YES;
	}
	if (access("/proc/pressure", F_OK))
		detail(fact, "not built in (CONFIG_PSI), or switched off at boot (psi=0)");
	else
		detail(fact, "switched off at boot: boot with psi=1");
	return TS_FACT_NO;
}

static enum ts_fact_state check_cgroups(const struct context *context, struct ts_fact *fact)
{
	if (!access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		detail(fact, "version 2 at /sys/fs/cgroup");
	else if (!access("/sys/fs/cgroup/unified/cgroup.controllers", F_OK))
		detail(fact, "version 1 with 2 at /sys/fs/cgroup/unified");
	else if (!access("/sys/fs/cgroup/cpu", F_OK))
		detail(fact, "version 1 at /sys/fs/cgroup");
	else {
		detail(fact, "not mounted at /sys/fs/cgroup");
		return TS_FACT_NO;
	}
	return TS_FACT_YES;
}

static enum ts_fact_state check_iostats(const struct context *context, struct ts_fact *fact)
{
	DIR *directory = opendir("/sys/block");
	struct dirent *entry;
	char path[320], line[16];
	unsigned int devices = 0;
	size_t used = 0;

	if (!directory) {
		detail(fact, "/sys/block: %s", strerror(errno));
		return TS_FACT_UNKNOWN;
	}
	while ((entry = readdir(directory))) {
		snprintf(path, sizeof path, "/sys/block/%s/queue/iostats", entry->d_name);
		if (entry->d_name[0] == '.' || !read_line(path, line, sizeof line))
			continue;
		devices++;
		if (line[0] == '0' && used < sizeof fact->detail)
			used += (size_t)snprintf(fact->detail + used, sizeof fact->detail - used,
						 "%s %s", used ? "," : "off on", entry->d_name);
	}
	closedir(directory);
	if (used)
		return TS_FACT_NO;
	detail(fact, "on for all %u devices", devices);
	return TS_FACT_YES;
}

static enum ts_fact_state check_schedstat(const struct context *context, struct ts_fact *fact)
{
	char line[16];

	if (access("/proc/schedstat", F_OK)) {
		detail(fact, "/proc/schedstat is missing (CONFIG_SCHEDSTATS); it is not needed");
		return TS_FACT_NO;
	}
	if (read_line("/proc/sys/kernel/sched_schedstats", line, sizeof line))
		detail(fact, "/proc/schedstat; kernel.sched_schedstats = %s, either is fine", line);
	else
		detail(fact, "/proc/schedstat");
	return TS_FACT_YES;
}

static enum ts_fact_state check_jit(const struct context *context, struct ts_fact *fact)
{
	char line[16];

	if (!read_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof line)) {
		detail(fact, "net.core.bpf_jit_enable: %s", strerror(errno));
		return TS_FACT_UNKNOWN;
	}
	detail(fact, "net.core.bpf_jit_enable = %s", line);
	return line[0] == '0' ? TS_FACT_NO : TS_FACT_YES;
}

/* Being locked down is shown as the fact that it is not: "yes" is the good state throughout. */
static enum ts_fact_state check_lockdown(const struct context *context, struct ts_fact *fact)
{
	char line[64], *chosen;

	if (!read_line("/sys/kernel/security/lockdown", line, sizeof line)) {
		detail(fact, "/sys/kernel/security/lockdown: %s (is securityfs mounted?)",
		       strerror(errno));
		return TS_FACT_UNKNOWN;
	}
	chosen = strchr(line, '[');
	chosen = chosen ? chosen + 1 : line;
	chosen[strcspn(chosen, "]")] = '\0';
	detail(fact, "%s", chosen);
	return strcmp(chosen, "none") ? TS_FACT_NO : TS_FACT_YES;
}

static const struct {
	const char *name, *meaning;
	enum ts_fact_state (*check)(const struct context *context, struct ts_fact *fact);
} checks[] = {
	{"btf", "type information of the kernel: without it no BPF program loads", check_btf},
	{"jit", "BPF programs run as machine code", check_jit},
	{"sched-info", "the kernel's own timestamps of waiting tasks", check_sched_info},
	{"schedstat", "the kernel's totals, to compare with", check_schedstat},
	{"request-times", "the kernel's own timestamps of block requests", check_request_times},
	{"iostats", "block devices stamp their requests", check_iostats},
	{"iterators", "BPF iterators over sockets and tasks", check_iterator},
	{"sock-diag", "listeners and their queues", check_sock_diag},
	{"pressure", "pressure stall information (PSI)", check_pressure},
	{"cgroups", "CPU quotas of cgroups", check_cgroups},
	{"no-lockdown", "the kernel is not locked down", check_lockdown},
};

static const char *const state_names[] = {
	[TS_FACT_YES] = "yes",
	[TS_FACT_NO] = "no",
	[TS_FACT_UNKNOWN] = "unknown",
};

const char *ts_fact_state_name(enum ts_fact_state state)
{
	return state_names[state];
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

size_t ts_kernel_facts(const char *btf_path, struct ts_fact fact[TS_FACTS_MAX])
{
	struct context context = {.btf_path = btf_path ? btf_path : "/sys/kernel/btf/vmlinux"};
	libbpf_print_fn_t print = libbpf_set_print(silent);
	struct ts_kernel_types *types = NULL;
	struct btf *btf = NULL;
	size_t count = sizeof checks / sizeof checks[0];

	_Static_assert(sizeof checks / sizeof checks[0] <= TS_FACTS_MAX, "room for every fact");
	/* What is asked for is in the part that all start with; to parse the whole takes megabytes.
	 */
	if (!btf_path && !ts_kernel_types_open(context.btf_path, &types)) {
		context.btf = ts_kernel_types_btf(types);
		context.types = ts_kernel_types_count(types);
	} else {
		context.btf = btf = btf__parse(context.btf_path, NULL);
		context.types = btf ? btf__type_cnt(btf) : 0;
	}
	for (size_t i = 0; i < count; i++) {
		fact[i] = (struct ts_fact){.name = checks[i].name, .meaning = checks[i].meaning};
		fact[i].state = checks[i].check(&context, &fact[i]);
	}
	btf__free(btf);
	ts_kernel_types_close(types);
	libbpf_set_print(print);
	return count;
}
