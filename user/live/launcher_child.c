// SPDX-License-Identifier: GPL-2.0-only
#include "launcher_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/error.h"
#include "clock.h"

#define BLOCK_BYTES 512ULL /* the unit of ru_inblock and ru_oublock */

enum step { STEP_EXEC, STEP_FORK, STEP_CGROUP, STEP_USER, STEP_OUTPUT };

const char *ts_launch_step_name(int step)
{
	static const char *const names[] = {
		[STEP_EXEC] = "",
		[STEP_FORK] = "a process cannot be made",
		[STEP_CGROUP] = "it cannot be put into its cgroup",
		[STEP_USER] = "it cannot become that user",
		[STEP_OUTPUT] = "its standard output cannot be redirected",
	};

	return step >= 0 && step < (int)(sizeof names / sizeof names[0]) ? names[step] : "";
}

int ts_child_prepare(struct ts_child *child, const struct ts_launch_options *options)
{
	struct passwd *user;

	*child = (struct ts_child){.options = options};
	if (!options->user)
		return 0;
	user = getpwnam(options->user);
	if (!user)
		return ts_err(-EINVAL, "--user %s: there is no user of that name", options->user);
	child->uid = user->pw_uid;
	child->gid = user->pw_gid;
	child->user = strdup(user->pw_name);
	child->home = strdup(user->pw_dir);
	child->shell = strdup(user->pw_shell);
	return child->user && child->home && child->shell ? 0 : ts_err(-ENOMEM, "out of memory");
}

void ts_child_forget(struct ts_child *child)
{
	free(child->user);
	free(child->home);
	free(child->shell);
	child->user = child->home = child->shell = NULL;
}

static int become(const struct ts_child *child)
{
	if (!child->user)
		return 0;
	/* Already that one: there may be no privilege to set groups, nor need for it. */
	if (geteuid() == child->uid && getuid() == child->uid && geteuid())
		return 0;
	if (initgroups(child->user, child->gid) || setresgid(child->gid, child->gid, child->gid) ||
	    setresuid(child->uid, child->uid, child->uid))
		return -errno;
	if (setenv("HOME", child->home, 1) || setenv("SHELL", child->shell, 1) ||
	    setenv("USER", child->user, 1) || setenv("LOGNAME", child->user, 1))
		return -errno;
	return 0;
}

static int enter(const struct ts_child *child)
{
	const struct ts_command_cgroup *cgroup = child->options->cgroup;

	return cgroup ? ts_command_cgroup_enter(cgroup) : 0;
}

static int redirect(const struct ts_child *child)
{
	if (!child->options->output_to_error)
		return 0;
	return dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? -errno : 0;
}

/* In the new process. What fails is told through the pipe, which exec closes. */
static void become_command(const struct ts_child *child, char *const *words, int failed)
{
	static int (*const steps[])(const struct ts_child *child) = {
		[STEP_CGROUP] = enter,
		[STEP_USER] = become,
		[STEP_OUTPUT] = redirect,
	};
	int told[2] = {0, STEP_EXEC};

	for (int i = STEP_CGROUP; i <= STEP_OUTPUT && !told[0]; i++) {
		told[0] = -steps[i](child);
		told[1] = i;
	}
	if (!told[0]) {
		sigprocmask(SIG_SETMASK, &child->mask, NULL);
		execvp(words[0], words);
		told[0] = errno;
		told[1] = STEP_EXEC;
	}
	while (write(failed, told, sizeof told) < 0 && errno == EINTR)
		;
	_exit(127);
}

static int fail(struct ts_launched *launched, int error, int step)
{
	launched->exec_error = error;
	launched->exec_step = step;
	return -1;
}

int ts_child_start(struct ts_child *child, char *const *words, struct ts_launched *launched)
{
	int failed[2], told[2], descriptor;
	ssize_t length;

	*launched = (struct ts_launched){0};
	if (pipe2(failed, O_CLOEXEC))
		return fail(launched, errno, STEP_FORK);
	child->start_ns = ts_clock_ns(CLOCK_MONOTONIC);
	child->process = fork();
	if (!child->process)
		become_command(child, words, failed[1]);
	close(failed[1]);
	if (child->process < 0) {
		close(failed[0]);
		return fail(launched, errno, STEP_FORK);
	}
	while ((length = read(failed[0], told, sizeof told)) < 0 && errno == EINTR)
		;
	close(failed[0]);
	if (length == sizeof told) {
		waitpid(child->process, NULL, 0);
		return fail(launched, told[0], told[1]);
	}
	descriptor = (int)syscall(SYS_pidfd_open, child->process, 0);
	if (descriptor < 0) {
		descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC); /* readable at once */
		ts_debug("pidfd_open: %s", strerror(errno));
	}
	return descriptor;
}

void ts_child_signal(const struct ts_child *child, int number)
{
	kill(child->process, number);
}

void ts_child_end(struct ts_child *child, struct ts_launched *launched)
{
	struct rusage usage;
	int status = 0;

	while (wait4(child->process, &status, 0, &usage) < 0 && errno == EINTR)
		;
	launched->start_ns = child->start_ns;
	launched->end_ns = ts_clock_ns(CLOCK_MONOTONIC);
	launched->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	launched->status = launched->signal ? 128 + launched->signal : WEXITSTATUS(status);
	launched->user_ns =
		(__u64)usage.ru_utime.tv_sec * 1000000000ULL + (__u64)usage.ru_utime.tv_usec * 1000;
	launched->system_ns =
		(__u64)usage.ru_stime.tv_sec * 1000000000ULL + (__u64)usage.ru_stime.tv_usec * 1000;
	launched->read_bytes = (__u64)usage.ru_inblock * BLOCK_BYTES;
	launched->written_bytes = (__u64)usage.ru_oublock * BLOCK_BYTES;
	launched->peak_rss_bytes = (__u64)usage.ru_maxrss * 1024;
}
