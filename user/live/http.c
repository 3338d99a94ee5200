// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread and one loop: libmicrohttpd's epoll descriptor and the socket to the collector. A
 * request that needs an answer of the collector is suspended until it comes or its time is up, so
 * that neither a slow client nor a slow collector keeps anybody else waiting.
 */
#include "http.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "../core/error.h"
#include "clock.h"
#include "http_clients.h"
#include "http_library.h"

#define SECOND_NS      1000000000ULL
#define TEXT_WAIT_NS   (8 * SECOND_NS) /* Prometheus gives up after 10 s */
#define HEALTH_WAIT_NS (2 * SECOND_NS)
#define MEMORY_LIMIT   8192 /* for the headers of a connection */

static const char *const content_type[] = {
	[TS_HTTP_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	[TS_HTTP_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
	[TS_HTTP_HEALTH] = "text/plain; charset=utf-8",
};

static const char front_page[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta "
	"charset=\"utf-8\"><title>tunescope</title>"
	"<meta name=\"viewport\" content=\"width=device-width\"></head>\n"
	"<body>\n<h1>tunescope exporter</h1>\n"
	"<ul>\n<li><a href=\"/metrics\">/metrics</a>: what is measured, for Prometheus</li>\n"
	"<li><a href=\"/healthz\">/healthz</a>: whether the collector answers</li>\n</ul>\n"
	"</body>\n</html>\n";

/* A request that waits for the collector, or has its answer. */
struct request {
	struct MHD_Connection *connection;
	enum ts_http_question question;
	bool gzip, answered, failed;
	__u64 deadline_ns;
	struct request *next; /* of those that wait */
};

/* The latest text of a format, shared by all who are sent it. */
struct text {
	__u64 generation;
	char *data;
	size_t length;
	struct MHD_Response *plain, *packed;
};

struct server {
	struct MHD_Daemon *daemon;
	int collector;
	bool asked[TS_HTTP_QUESTIONS]; /* and not yet answered */
	bool ended;		       /* the collector has closed its end */
	bool ended_in_order;
	struct request *waiting;
	struct text text[TS_HTTP_HEALTH];
	struct ts_http_clients *clients;
	struct ts_http_state state;
};

static void count(struct ts_http_state *state, unsigned int code)
{
	for (size_t i = 0; i < TS_HTTP_CODES; i++) {
		if (state->code[i] && state->code[i] != code)
			continue;
		state->code[i] = code;
		state->requests[i]++;
		return;
	}
}

static enum MHD_Result queue(struct server *server, struct MHD_Connection *connection,
			     unsigned int code, struct MHD_Response *response)
{
	count(&server->state, code);
	ts_http_client_enter(server->clients, connection, TS_HTTP_SENDING);
	return ts_mhd.queue_response(connection, code, response);
}

static enum MHD_Result queue_text(struct server *server, struct MHD_Connection *connection,
				  unsigned int code, const char *type, const char *text)
{
	struct MHD_Response *response = ts_mhd.create_response_from_buffer(
		strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	if (!response)
		return MHD_NO;
	ts_mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		ts_mhd.add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = queue(server, connection, code, response);
	ts_mhd.destroy_response(response);
	return result;
}

static enum MHD_Result queue_plain(struct server *server, struct MHD_Connection *connection,
				   unsigned int code, const char *text)
{
	return queue_text(server, connection, code, content_type[TS_HTTP_HEALTH], text);
}

/* NULL without memory. */
static char *pack(const char *data, size_t length, size_t *packed_length)
{
	z_stream stream = {.next_in = (Bytef *)data, .avail_in = (uInt)length};
	char *packed = NULL;
	uLong bound;

	/* 16: with the header of gzip. Level 3 is a third of the default's work and 10 % larger. */
	if (deflateInit2(&stream, 3, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	bound = deflateBound(&stream, (uLong)length);
	packed = malloc(bound);
	if (packed) {
		stream.next_out = (Bytef *)packed;
		stream.avail_out = (uInt)bound;
		if (deflate(&stream, Z_FINISH) == Z_STREAM_END) {
			*packed_length = stream.total_out;
		} else {
			free(packed);
			packed = NULL;
		}
	}
	deflateEnd(&stream);
	return packed;
}

static void add_text_headers(struct MHD_Response *response, enum ts_http_question format)
{
	ts_mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type[format]);
	ts_mhd.add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept, Accept-Encoding");
}

static struct MHD_Response *text_response(struct text *text, enum ts_http_question format,
					  bool gzip)
{
	size_t length;
	char *packed;

	if (!text->plain) {
		text->plain = ts_mhd.create_response_from_buffer(text->length, text->data,
								 MHD_RESPMEM_MUST_COPY);
		if (text->plain)
			add_text_headers(text->plain, format);
	}
	if (!gzip || text->packed)
		return gzip ? text->packed : text->plain;
	packed = pack(text->data, text->length, &length);
	if (!packed)
		return text->plain;
	text->packed = ts_mhd.create_response_from_buffer(length, packed, MHD_RESPMEM_MUST_FREE);
	if (!text->packed) {
		free(packed);
		return text->plain;
	}
	add_text_headers(text->packed, format);
	ts_mhd.add_response_header(text->packed, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	return text->packed;
}

/* Those who are still being sent it keep it alive. */
static void forget_text(struct text *text)
{
	if (text->plain)
		ts_mhd.destroy_response(text->plain);
	if (text->packed)
		ts_mhd.destroy_response(text->packed);
	free(text->data);
	*text = (struct text){0};
}

/* --- asking the collector */

static void fill_state(struct server *server)
{
	struct rusage usage;
	unsigned long size, resident;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!getrusage(RUSAGE_SELF, &usage))
		server->state.cpu_ns =
			(__u64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_NS +
			(__u64)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
	if (file) {
		if (fscanf(file, "%lu %lu", &size, &resident) == 2)
			server->state.rss_bytes = resident * (__u64)sysconf(_SC_PAGESIZE);
		fclose(file);
	}
	ts_http_clients_count(server->clients, &server->state.connections, &server->state.cut_off);
}

static void ask(struct server *server, enum ts_http_question question)
{
	struct ts_http_request request = {.question = question};

	if (server->asked[question])
		return;
	if (question != TS_HTTP_HEALTH)
		request.generation = server->text[question].generation;
	fill_state(server);
	request.state = server->state;
	/* The loop sees for itself when the collector is gone. */
	if (send(server->collector, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)sizeof request)
		server->asked[question] = true;
}

static void resume(struct server *server, struct request **at, bool failed)
{
	struct request *request = *at;

	*at = request->next;
	request->answered = true;
	request->failed = failed;
	ts_mhd.resume_connection(request->connection);
}

static void resume_all(struct server *server, enum ts_http_question question, bool failed)
{
	struct request **at = &server->waiting;

	while (*at)
		if ((*at)->question == question)
			resume(server, at, failed);
		else
			at = &(*at)->next;
}

static void resume_late(struct server *server, __u64 now)
{
	struct request **at = &server->waiting;

	while (*at)
		if ((*at)->deadline_ns <= now)
			resume(server, at, true);
		else
			at = &(*at)->next;
}

/* A text comes as a file; reading it can only fail without memory. */
static bool take_text(struct text *text, const struct ts_http_reply *reply, int descriptor)
{
	char *data = malloc(reply->length + 1);
	size_t length = 0;

	while (data && length < reply->length) {
		ssize_t part =
			pread(descriptor, data + length, reply->length - length, (off_t)length);

		if (part <= 0)
			break;
		length += (size_t)part;
	}
	if (!data || length < reply->length) {
		free(data);
		return false;
	}
	forget_text(text);
	*text = (struct text){.generation = reply->generation, .data = data, .length = length};
	return true;
}

static int received_descriptor(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int descriptor = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
	return descriptor;
}

/* False when there was none (any more). */
static bool take_reply(struct server *server)
{
	struct ts_http_reply reply;
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {&reply, sizeof reply};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	ssize_t length = recvmsg(server->collector, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	bool failed;
	int descriptor;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length != (ssize_t)sizeof reply || reply.question >= TS_HTTP_QUESTIONS) {
		server->ended = true;
		server->ended_in_order =
			length == (ssize_t)sizeof reply && reply.question == TS_HTTP_END;
		return false;
	}
	descriptor = received_descriptor(&message);
	failed = reply.failed;
	if (descriptor >= 0) {
		failed = failed || reply.question == TS_HTTP_HEALTH ||
			 !take_text(&server->text[reply.question], &reply, descriptor);
		close(descriptor);
	}
	server->asked[reply.question] = false;
	resume_all(server, reply.question, failed);
	return true;
}

/* --- requests */

static enum MHD_Result wait_for_collector(struct server *server, struct request *request)
{
	bool health = request->question == TS_HTTP_HEALTH;

	request->deadline_ns =
		ts_clock_ns(CLOCK_MONOTONIC) + (health ? HEALTH_WAIT_NS : TEXT_WAIT_NS);
	request->next = server->waiting;
	server->waiting = request;
	ts_http_client_enter(server->clients, request->connection, TS_HTTP_WAITING);
	ts_mhd.suspend_connection(request->connection);
	ask(server, request->question);
	return MHD_YES;
}

static enum MHD_Result answer(struct server *server, struct request *request)
{
	struct MHD_Response *response;

	if (request->failed)
		return queue_plain(server, request->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "the collector does not answer\n");
	if (request->question == TS_HTTP_HEALTH)
		return queue_plain(server, request->connection, MHD_HTTP_OK, "ok\n");
	response =
		text_response(&server->text[request->question], request->question, request->gzip);
	return response ? queue(server, request->connection, MHD_HTTP_OK, response) : MHD_NO;
}

static enum MHD_Result start(struct server *server, struct request *request, const char *path)
{
	struct MHD_Connection *connection = request->connection;
	const char *accept =
		ts_mhd.lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const char *encoding = ts_mhd.lookup_connection_value(connection, MHD_HEADER_KIND,
							      MHD_HTTP_HEADER_ACCEPT_ENCODING);

	if (!strcmp(path, "/"))
		return queue_text(server, connection, MHD_HTTP_OK, "text/html; charset=utf-8",
				  front_page);
	if (strcmp(path, "/metrics") && strcmp(path, "/healthz"))
		return queue_plain(server, connection, MHD_HTTP_NOT_FOUND,
				   "there is /metrics, /healthz and /\n");
	request->question = *(path + 1) == 'h' ? TS_HTTP_HEALTH : ts_http_accepted(accept);
	request->gzip = ts_http_takes_gzip(encoding);
	return wait_for_collector(server, request);
}

/* Called for the headers, for parts of a body, at the end of it, and after each resume. */
static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *upload, size_t *upload_size, void **state)
{
	struct server *server = closure;
	struct request *request = *state;

	if (!request) {
		if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
			return queue_plain(server, connection, MHD_HTTP_METHOD_NOT_ALLOWED,
					   "only GET and HEAD\n");
		request = calloc(1, sizeof *request);
		if (!request)
			return MHD_NO;
		request->connection = connection;
		*state = request;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	return request->answered ? answer(server, request) : start(server, request, path);
}

static void on_completed(void *closure, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct server *server = closure;

	free(*state);
	*state = NULL;
	ts_http_client_enter(server->clients, connection, TS_HTTP_IDLE);
}

static void on_connection(void *closure, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct server *server = closure;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = ts_http_client_new(server->clients, connection);
	else
		ts_http_client_gone(server->clients, *context);
}

static void __attribute__((format(printf, 2, 0)))
log_message(void *closure, const char *format, va_list arguments)
{
	if (ts_verbose)
		vfprintf(stderr, format, arguments);
}

/* --- the loop */

static int start_daemon(struct server *server, int listener)
{
	unsigned int limit = ts_http_clients_limit();

	server->clients = ts_http_clients_new(limit);
	if (!server->clients)
		return ts_err(-ENOMEM, "out of memory");
	server->daemon = ts_mhd.start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL,
		MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, limit,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, server, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
	if (!server->daemon)
		return ts_err(-EIO, "the HTTP server could not be started");
	return 0;
}

/* Milliseconds until something has to be looked at even if nothing happens; -1: never. */
static int next_timeout(struct server *server)
{
	MHD_UNSIGNED_LONG_LONG daemon_ms;
	int timeout = ts_http_clients_any(server->clients) ? 200 : -1;

	if (ts_mhd.get_timeout(server->daemon, &daemon_ms) == MHD_YES &&
	    (timeout < 0 || daemon_ms < (unsigned int)timeout))
		timeout = (int)(daemon_ms < 1000 ? daemon_ms : 1000);
	return timeout;
}

static void loop(struct server *server)
{
	struct pollfd watched[2] = {
		{.fd = server->collector, .events = POLLIN},
		{.fd = ts_mhd.get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		 .events = POLLIN},
	};

	while (!server->ended) {
		__u64 now;

		if (poll(watched, 2, next_timeout(server)) < 0 && errno != EINTR)
			break;
		while (!server->ended && take_reply(server))
			;
		now = ts_clock_ns(CLOCK_MONOTONIC);
		resume_late(server, now);
		ts_http_clients_cut_off(server->clients, now);
		ts_mhd.run(server->daemon);
	}
}

static void stop(struct server *server)
{
	while (server->waiting)
		resume(server, &server->waiting, true);
	if (server->daemon) {
		ts_mhd.run(server->daemon);
		ts_mhd.stop_daemon(server->daemon);
	}
	for (size_t i = 0; i < TS_HTTP_HEALTH; i++)
		forget_text(&server->text[i]);
	ts_http_clients_free(server->clients);
}

int ts_http_serve(int listener, int collector)
{
	struct server server = {.collector = collector};
	int exit_code = TS_EXIT_FAILURE;

	signal(SIGPIPE, SIG_IGN);
	if (!ts_mhd_load() && !start_daemon(&server, listener)) {
		ask(&server, TS_HTTP_HEALTH); /* ready */
		loop(&server);
		if (server.ended_in_order)
			exit_code = TS_EXIT_DONE;
		else
			ts_err(0, "the collector has ended: the HTTP server ends, too");
	}
	stop(&server);
	close(collector);
	return exit_code;
}

int ts_http_send_reply(int collector, const struct ts_http_reply *reply, int descriptor)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec part = {(void *)reply, sizeof *reply};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (descriptor >= 0) {
		struct cmsghdr *header;

		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof descriptor);
		memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	}
	return sendmsg(collector, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}
