// SPDX-License-Identifier: GPL-2.0-only
/* What is compared: tunescope's own objects, empty programs on the same hooks, other tools. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "../../user/live/collect.h"
#include "../../user/live/probe.h"

#define HOOKS		   12
#define ATTACH_TIMEOUT_NS  3000000000ULL
#define ATTACH_SETTLED	   4 /* looks in a row that found the same number of links */
#define LOOK_MICROSECONDS  4000
#define TRACEPOINT_SECTION "tp_btf/"

struct hook {
	const char *tracepoint; /* in the name of the product's hook */
	const char *program;	/* the product's own */
	int empty_program;
	int empty_link;
};

static struct ts_collector *collector;
static struct ts_probe *probe; /* of the one source that is open */
static struct hook hook[HOOKS];
static size_t hooks;

/* --- the product */

/*
 * The linker hands every call of ts_probe_load to this one (--wrap), so that tunescope sets up its
 * programs exactly as it does by itself, and the bench can attach and detach them.
 */
int __real_ts_probe_load(struct ts_probe *probe, const char *source, struct bpf_object *object,
			 const struct ts_live *live, enum ts_status *status, char why[256]);
int __wrap_ts_probe_load(struct ts_probe *probe, const char *source, struct bpf_object *object,
			 const struct ts_live *live, enum ts_status *status, char why[256]);

int __wrap_ts_probe_load(struct ts_probe *loaded, const char *source, struct bpf_object *object,
			 const struct ts_live *live, enum ts_status *status, char why[256])
{
	probe = loaded;
	return __real_ts_probe_load(loaded, source, object, live, status, why);
}

/* Once the source is open, which attaches some of its programs later than the others. */
static void find_hooks(void)
{
	for (size_t i = 0; probe && i < probe->programs && hooks < HOOKS; i++) {
		const struct ts_probe_program *row = &probe->program[i];

		if (row->link >= 0 &&
		    !strncmp(row->hook, TRACEPOINT_SECTION, strlen(TRACEPOINT_SECTION)))
			hook[hooks++] = (struct hook){
				.tracepoint = row->hook + strlen(TRACEPOINT_SECTION),
				.program = row->name,
				.empty_program = -1,
				.empty_link = -1,
			};
	}
}

static void detach_product(void)
{
	for (size_t i = 0; i < hooks; i++)
		ts_probe_detach_program(probe, hook[i].program);
}

static int attach_product(char why[BENCH_WHY])
{
	for (size_t i = 0; i < hooks; i++) {
		int error = ts_probe_attach(probe, hook[i].program);

		if (!error)
			continue;
		snprintf(why, BENCH_WHY, "%s does not attach: %s", hook[i].tracepoint,
			 strerror(-error));
		detach_product();
		return -1;
	}
	return 0;
}

static int load_empty(struct hook *on)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int type = libbpf_find_vmlinux_btf_id(on->tracepoint, BPF_TRACE_RAW_TP);
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = (__u32)type);
	char name[BPF_OBJ_NAME_LEN];

	if (type < 0)
		return -1;
	snprintf(name, sizeof name, "%.15s", on->tracepoint);
	on->empty_program = bpf_prog_load(BPF_PROG_TYPE_TRACING, name, "GPL", nothing, 2, &options);
	return on->empty_program < 0 ? -1 : 0;
}

int bench_product_open(const char *source, char why[BENCH_WHY])
{
	struct ts_collect_options options = {0};
	int wanted = ts_source_by_name(source);

	for (int id = 0; id < TS_SOURCE_COUNT; id++)
		options.disabled[id] = id != wanted;
	if (ts_collector_open(&options, &collector)) {
		snprintf(why, BENCH_WHY, "tunescope's collector does not open");
		return -1;
	}
	find_hooks();
	detach_product();
	for (size_t i = 0; i < hooks; i++)
		if (load_empty(&hook[i])) {
			snprintf(why, BENCH_WHY, "no empty program on %s: %s", hook[i].tracepoint,
				 strerror(errno));
			return -1;
		}
	if (hooks)
		return 0;
	snprintf(why, BENCH_WHY, "tunescope's %s source has no program attached on this kernel",
		 source);
	return -1;
}

void bench_product_close(void)
{
	for (size_t i = 0; i < hooks; i++)
		if (hook[i].empty_program >= 0)
			close(hook[i].empty_program);
	hooks = 0;
	ts_collector_close(collector);
	collector = NULL;
	probe = NULL;
}

const char *bench_product_hooks(void)
{
	static char text[256];
	size_t length = 0;

	*text = '\0';
	for (size_t i = 0; i < hooks && length < sizeof text; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
					   i ? ", " : "", hook[i].tracepoint);
	return text;
}

/* --- empty programs */

static void detach_empty(void)
{
	for (size_t i = 0; i < hooks; i++) {
		if (hook[i].empty_link >= 0)
			close(hook[i].empty_link);
		hook[i].empty_link = -1;
	}
}

static int attach_empty(char why[BENCH_WHY])
{
	for (size_t i = 0; i < hooks; i++) {
		hook[i].empty_link = bpf_raw_tracepoint_open(NULL, hook[i].empty_program);
		if (hook[i].empty_link >= 0)
			continue;
		snprintf(why, BENCH_WHY, "%s does not attach: %s", hook[i].tracepoint,
			 strerror(errno));
		detach_empty();
		return -1;
	}
	return 0;
}

/* --- other tools */

pid_t bench_spawn(const char *const *command, int *errors)
{
	int pipes[2], nothing;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0); /* Ctrl-C is for us; it ends by our hand */
		nothing = open("/dev/null", O_RDWR);
		dup2(nothing, 0);
		dup2(nothing, 1);
		dup2(pipes[1], 2);
		execvp(command[0], (char *const *)command);
		dprintf(2, "%s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -1;
	}
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	*errors = pipes[0];
	return pid;
}

void bench_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The first line names the cause with every one of these tools; the last only says "failed". */
void bench_read_errors(int errors, char why[BENCH_WHY])
{
	char text[4096];
	ssize_t length = read(errors, text, sizeof text - 1);

	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	snprintf(why, BENCH_WHY, "%.*s", BENCH_WHY - 1, *text ? text : "it ended without a word");
}

static bool has_ended(struct bench_variant *variant)
{
	if (waitpid(variant->child, NULL, WNOHANG) != variant->child)
		return false;
	variant->child = 0;
	return true;
}

/* Until it has links and no more are coming. */
static int wait_for_links(struct bench_variant *variant)
{
	__u64 deadline = bench_now() + ATTACH_TIMEOUT_NS;
	size_t links = 0, same = 0;

	while (bench_now() < deadline && !bench_interrupted) {
		struct bench_programs programs = {0};
		size_t found;

		usleep(LOOK_MICROSECONDS);
		if (has_ended(variant))
			return -1;
		found = bench_programs_of(variant->child, &programs);
		same = found && found == links ? same + 1 : 0;
		links = found;
		if (same == ATTACH_SETTLED)
			return 0;
	}
	return -1;
}

static int attach_peer(struct bench_variant *variant)
{
	int errors;

	variant->child = bench_spawn(variant->command, &errors);
	if (variant->child < 0)
		return -1;
	if (wait_for_links(variant)) {
		variant->broken = !bench_interrupted;
		bench_read_errors(errors, variant->why);
		bench_kill(variant->child);
		variant->child = 0;
		close(errors);
		return -1;
	}
	close(errors);
	return 0;
}

/* Its programs go when the kernel gets round to it. */
static void detach_peer(struct bench_variant *variant)
{
	struct bench_programs programs = {0};
	struct bench_run_statistics ignored;
	__u64 deadline = bench_now() + ATTACH_TIMEOUT_NS;

	bench_programs_of(variant->child, &programs);
	bench_kill(variant->child);
	variant->child = 0;
	for (size_t i = 0; i < programs.count; i++)
		while (bench_run_statistics(programs.id[i], &ignored) && bench_now() < deadline)
			usleep(1000);
}

int bench_attach(struct bench_variant *variant)
{
	switch (variant->kind) {
	case BENCH_EMPTY: return attach_empty(variant->why);
	case BENCH_PRODUCT: return attach_product(variant->why);
	case BENCH_PEER: return attach_peer(variant);
	case BENCH_NOTHING: break;
	}
	return 0;
}

void bench_detach(struct bench_variant *variant)
{
	switch (variant->kind) {
	case BENCH_EMPTY: detach_empty(); break;
	case BENCH_PRODUCT: detach_product(); break;
	case BENCH_PEER: detach_peer(variant); break;
	case BENCH_NOTHING: break;
	}
}
