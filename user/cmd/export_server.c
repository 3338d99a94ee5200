// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes: this one keeps the collector, the other one serves HTTP and is started before the
 * collector is opened, so that it never holds a descriptor of it. It asks over a socket; the text
 * comes to it as a sealed file in memory.
 */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observe.h"
#include "../core/error.h"
#include "../live/clock.h"
#include "../live/http.h"
#include "../live/privileges.h"

#define END_WAIT_MS 2000

_Static_assert(TS_HTTP_CODES == TS_OPENMETRICS_CODES, "one table is copied to the other");

static const enum ts_openmetrics_format formats[] = {
	[TS_HTTP_OPENMETRICS] = TS_OPENMETRICS_TEXT,
	[TS_HTTP_PROMETHEUS] = TS_PROMETHEUS_TEXT,
};

struct text {
	__u64 generation;
	int file; /* -1: not written yet */
	__u64 length;
};

struct serving {
	pid_t server;
	int socket;
	struct ts_exporter *exporter;
	struct text text[TS_HTTP_HEALTH];
	bool server_gone;
};

/* --- the process that serves */

/* Keeps what it needs, as 3 and 4: what this program was started with is not for the network. */
static int keep_two(int *listener, int *collector)
{
	int high[2] = {fcntl(*listener, F_DUPFD, 16), fcntl(*collector, F_DUPFD, 16)};

	if (high[0] < 0 || high[1] < 0 || dup2(high[0], 3) < 0 || dup2(high[1], 4) < 0)
		return ts_err(-errno, "the HTTP server cannot be started: %s", strerror(errno));
	*listener = 3;
	*collector = 4;
	/* Kernels before 5.9 cannot; then what was inherited stays open, as it always did. */
	close_range(5, ~0U, 0);
	return 0;
}

static int server_process(int listener, int collector)
{
	prctl(PR_SET_NAME, "tunescope-http");
	/*
	 * Ctrl-C and the end of a terminal reach both; it is the collector that ends in order, and
	 * this one with it.
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (keep_two(&listener, &collector) || ts_privileges_drop_all())
		return TS_EXIT_FAILURE;
	return ts_http_serve(listener, collector);
}

/* Its first question comes when it is ready to serve; otherwise it has said why, and ended. */
static int wait_until_ready(struct serving *serving)
{
	struct pollfd watched = {.fd = serving->socket, .events = POLLIN};
	char byte;

	while (poll(&watched, 1, -1) < 0 && errno == EINTR && !ts_observe_interrupted())
		;
	if (recv(serving->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		return 0;
	kill(serving->server, SIGTERM); /* interrupted: it may just be on its way */
	waitpid(serving->server, NULL, 0);
	close(serving->socket);
	return -ECHILD;
}

static int start_server(struct serving *serving, int listener)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return ts_err(-errno, "a socket to the HTTP server cannot be made: %s",
			      strerror(errno));
	serving->server = fork();
	if (serving->server < 0) {
		int error = -errno;

		close(pair[0]);
		close(pair[1]);
		return ts_err(error, "the HTTP server cannot be started: %s", strerror(-error));
	}
	if (!serving->server) {
		close(pair[0]);
		_exit(server_process(listener, pair[1]));
	}
	close(pair[1]);
	serving->socket = pair[0];
	return wait_until_ready(serving);
}

/* --- texts */

static struct ts_openmetrics_server server_state(const struct ts_http_state *state)
{
	struct ts_openmetrics_server server = {
		.cpu_ns = state->cpu_ns,
		.rss_bytes = state->rss_bytes,
		.connections = state->connections,
		.cut_off = state->cut_off,
	};

	memcpy(server.code, state->code, sizeof server.code);
	memcpy(server.requests, state->requests, sizeof server.requests);
	return server;
}

static int write_text(struct serving *serving, enum ts_http_question format,
		      const struct ts_openmetrics_server *server, struct text *text)
{
	int file = memfd_create("tunescope-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING), copy;
	FILE *out;
	long length;

	copy = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 3);
	out = copy < 0 ? NULL : fdopen(copy, "w");
	if (!out)
		goto fail;
	ts_exporter_write(serving->exporter, out, formats[format], server);
	length = ftell(out);
	if (fclose(out) || length < 0) {
		copy = -1;
		goto fail;
	}
	fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	*text = (struct text){.file = file, .length = (__u64)length};
	return 0;
fail:
	ts_err(0, "a text for /metrics cannot be written: %s", strerror(errno));
	if (copy >= 0 && !out)
		close(copy);
	if (file >= 0)
		close(file);
	return -EIO;
}

static void forget_text(struct text *text)
{
	if (text->file >= 0)
		close(text->file);
	*text = (struct text){.file = -1};
}

static struct ts_http_reply reply_text(struct serving *serving,
				       const struct ts_http_request *request, int *file)
{
	struct ts_http_reply reply = {.question = request->question};
	struct text *text = &serving->text[request->question];
	struct ts_openmetrics_server server = server_state(&request->state);

	reply.generation = ts_exporter_refresh(serving->exporter);
	if (reply.generation == request->generation)
		return reply;
	if (text->generation != reply.generation) {
		forget_text(text);
		reply.failed = write_text(serving, request->question, &server, text) != 0;
		text->generation = reply.failed ? 0 : reply.generation;
	}
	*file = text->file;
	reply.length = text->length;
	return reply;
}

/* False when there was none. */
static bool answer_request(struct serving *serving)
{
	struct ts_http_request request;
	struct ts_http_reply reply;
	ssize_t length = recv(serving->socket, &request, sizeof request, MSG_DONTWAIT);
	int file = -1;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length != (ssize_t)sizeof request) {
		serving->server_gone = true;
		return false;
	}
	if (request.question < TS_HTTP_HEALTH)
		reply = reply_text(serving, &request, &file);
	else
		reply = (struct ts_http_reply){.question = request.question};
	/* What the other side does not take in time it asks for again. */
	ts_http_send_reply(serving->socket, &reply, file);
	return true;
}

/* --- the loop */

static void loop(struct serving *serving)
{
	struct pollfd watched = {.fd = serving->socket, .events = POLLIN};

	while (!ts_observe_interrupted() && !serving->server_gone) {
		int timeout = ts_exporter_tick(serving->exporter);

		if (poll(&watched, 1, timeout) > 0)
			while (!serving->server_gone && answer_request(serving))
				;
	}
}

/* The status of the server's end; kills it when it does not end in time. */
static int reap_server(const struct serving *serving)
{
	int status = 0;

	for (int waited = 0; waited < END_WAIT_MS; waited += 10) {
		if (waitpid(serving->server, &status, WNOHANG) == serving->server)
			return status;
		poll(NULL, 0, 10);
	}
	kill(serving->server, SIGKILL);
	waitpid(serving->server, &status, 0);
	return status;
}

static int end(struct serving *serving, int exit_code)
{
	struct ts_http_reply reply = {.question = TS_HTTP_END};
	int status;

	ts_http_send_reply(serving->socket, &reply, -1);
	status = reap_server(serving);
	close(serving->socket);
	if (!serving->server_gone)
		return exit_code;
	/* Whoever ends a service sends SIGTERM to both: ours may come a moment later. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)
		poll(NULL, 0, 100);
	if (ts_observe_interrupted())
		return exit_code;
	if (WIFSIGNALED(status))
		ts_err(0, "the HTTP server was ended by signal %d (%s): the collector ends, too",
		       WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		ts_err(0, "the HTTP server has ended: the collector ends, too");
	return TS_EXIT_FAILURE;
}

static int collect(struct serving *serving, const struct ts_export_options *options,
		   const char *name)
{
	serving->exporter = ts_exporter_open(options, NULL);
	if (!serving->exporter)
		return TS_EXIT_FAILURE;
	fprintf(stderr, "tunescope: serving http://%s/metrics\n", name);
	loop(serving);
	for (size_t i = 0; i < TS_HTTP_HEALTH; i++)
		forget_text(&serving->text[i]);
	ts_exporter_close(serving->exporter);
	return TS_EXIT_DONE;
}

int ts_export_serve(const struct ts_export_options *options)
{
	struct serving serving = {.text = {{.file = -1}, {.file = -1}}};
	char name[128] = "";
	bool exposed = false;
	int listener = ts_http_listen(options->listen, name, &exposed), error;

	if (listener < 0)
		return listener == -EINVAL ? TS_EXIT_USAGE : TS_EXIT_FAILURE;
	ts_observe_signals();
	error = start_server(&serving, listener);
	close(listener);
	if (error)
		return TS_EXIT_FAILURE;
	if (exposed)
		ts_warn("%s can be reached from other hosts, without encryption or passwords: put "
			"a reverse proxy or a firewall in front",
			name);
	return end(&serving, collect(&serving, options, name));
}
