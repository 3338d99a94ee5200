// SPDX-License-Identifier: GPL-2.0-only
#include "launcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/error.h"
#include "clock.h"
#include "launcher_child.h"

#define KILL_ROUNDS 500	 /* each is followed by a nap */
#define KILL_NAP    2000 /* microseconds */
#define NO_COMMAND  (-1)

static const int passed_on[] = {SIGINT,	 SIGTERM, SIGHUP,  SIGQUIT,
				SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};
#define PASSED_ON (sizeof passed_on / sizeof passed_on[0])

/* What goes to the launching process: start a command, or pass a signal on. */
struct request {
	int command; /* or NO_COMMAND */
	int number;
};

struct ts_launcher {
	pid_t process;
	int socket, signals;
	sigset_t mask; /* as it was before */
	bool running;
};

/* ---- in the launching process */

struct launching {
	const struct ts_launch_options *options;
	struct ts_command_cgroup cgroup;
	struct ts_child child;
	int socket;
};

static void clean_up(struct launching *launching)
{
	const struct ts_command_cgroup *cgroup = &launching->cgroup;

	if (!launching->options->kill_leftovers) {
		ts_command_cgroup_evict(cgroup);
		return;
	}
	for (int i = 0; i < KILL_ROUNDS && ts_command_cgroup_processes(cgroup); i++) {
		ts_command_cgroup_kill(cgroup, SIGKILL);
		usleep(KILL_NAP);
	}
}

/* Passes signals on until the child has ended. */
static void attend(struct launching *launching, int child)
{
	struct pollfd wait[2] = {{.fd = child, .events = POLLIN},
				 {.fd = launching->socket, .events = POLLIN}};
	struct request request;

	while (!(wait[0].revents & POLLIN)) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return;
		if (!(wait[1].revents & (POLLIN | POLLHUP)))
			continue;
		if (recv(launching->socket, &request, sizeof request, 0) == sizeof request)
			ts_child_signal(&launching->child, request.number);
		else
			wait[1].fd = -1; /* tunescope is gone, the command goes on */
	}
}

static void launch(struct launching *launching, int command)
{
	struct ts_launched launched;
	int child;

	clean_up(launching);
	child = ts_child_start(&launching->child, launching->options->words[command], &launched);
	if (child >= 0) {
		attend(launching, child);
		close(child);
		ts_child_end(&launching->child, &launched);
		launched.leftovers = ts_command_cgroup_processes(&launching->cgroup);
	}
	send(launching->socket, &launched, sizeof launched, MSG_NOSIGNAL);
}

static void serve(struct launching *launching)
{
	struct request request;

	while (recv(launching->socket, &request, sizeof request, 0) == sizeof request)
		if (request.command != NO_COMMAND)
			launch(launching, request.command);
	clean_up(launching);
	ts_command_cgroup_remove(&launching->cgroup);
	_exit(0);
}

/* ---- in tunescope */

static int block_signals(struct ts_launcher *launcher)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < PASSED_ON; i++)
		sigaddset(&set, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &set, &launcher->mask))
		return -errno;
	launcher->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return launcher->signals < 0 ? -errno : 0;
}

static int start_process(struct ts_launcher *launcher, struct launching *launching)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	launcher->process = fork();
	if (launcher->process < 0) {
		close(pair[0]);
		close(pair[1]);
		return -errno;
	}
	if (!launcher->process) {
		close(pair[0]);
		launching->socket = pair[1];
		launching->child.mask = launcher->mask;
		serve(launching);
	}
	close(pair[1]);
	launcher->socket = pair[0];
	return 0;
}

static int open_launcher(struct ts_launcher *launcher, struct launching *launching)
{
	int error = block_signals(launcher);

	if (!error)
		error = start_process(launcher, launching);
	if (error)
		ts_err(error, "no process can be made to run the command: %s", strerror(-error));
	return error;
}

int ts_launcher_open(const struct ts_launch_options *options, struct ts_launcher **result)
{
	struct launching launching = {.options = options};
	struct ts_launcher *launcher;
	int error = ts_child_prepare(&launching.child, options);

	*result = NULL;
	if (options->cgroup)
		launching.cgroup = *options->cgroup;
	launcher = error ? NULL : calloc(1, sizeof *launcher);
	if (!error && !launcher)
		error = ts_err(-ENOMEM, "out of memory");
	if (!error) {
		launcher->socket = launcher->signals = -1;
		error = open_launcher(launcher, &launching);
	}
	ts_child_forget(&launching.child); /* the process has its own */
	if (error)
		ts_launcher_close(launcher);
	else
		*result = launcher;
	return error;
}

void ts_launcher_close(struct ts_launcher *launcher)
{
	if (!launcher)
		return;
	if (launcher->socket >= 0)
		close(launcher->socket);
	if (launcher->process > 0)
		while (waitpid(launcher->process, NULL, 0) < 0 && errno == EINTR)
			;
	if (launcher->signals >= 0)
		close(launcher->signals);
	sigprocmask(SIG_SETMASK, &launcher->mask, NULL);
	free(launcher);
}

static int gone(int error)
{
	return ts_err(error, "the process that runs the command is gone: %s", strerror(-error));
}

int ts_launcher_start(struct ts_launcher *launcher, size_t command)
{
	const struct request request = {.command = (int)command};

	if (send(launcher->socket, &request, sizeof request, MSG_NOSIGNAL) != sizeof request)
		return gone(-errno);
	launcher->running = true;
	return 0;
}

int ts_launcher_descriptor(const struct ts_launcher *launcher)
{
	return launcher->socket;
}

int ts_launcher_result(struct ts_launcher *launcher, struct ts_launched *launched)
{
	ssize_t length = recv(launcher->socket, launched, sizeof *launched, 0);

	launcher->running = false;
	return length == sizeof *launched ? 0 : gone(length < 0 ? -errno : -EPIPE);
}

int ts_launcher_signals(const struct ts_launcher *launcher)
{
	return launcher->signals;
}

/* Ctrl-C and the like reach all processes of the terminal's foreground group. */
static bool from_the_terminal(const struct signalfd_siginfo *signal)
{
	return signal->ssi_code == SI_KERNEL;
}

int ts_launcher_forward(struct ts_launcher *launcher)
{
	struct signalfd_siginfo signal;
	int ending = 0;

	while (read(launcher->signals, &signal, sizeof signal) == sizeof signal) {
		const struct request request = {NO_COMMAND, (int)signal.ssi_signo};

		if (launcher->running && !from_the_terminal(&signal))
			send(launcher->socket, &request, sizeof request, MSG_NOSIGNAL);
		if (signal.ssi_signo != SIGWINCH && signal.ssi_signo != SIGUSR1 &&
		    signal.ssi_signo != SIGUSR2 && signal.ssi_signo != SIGALRM)
			ending = (int)signal.ssi_signo;
	}
	return ending;
}
