// SPDX-License-Identifier: GPL-2.0-only
/* How much a process writes at a time that waits for room in its socket. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "../../user/live/blocked_write.h"

#define LOOKS 1000 /* 10 ms apart: a child that never waits is an error, whatever the load */

static __u32 inode_of(int descriptor)
{
	struct stat status;

	assert_int_equal(fstat(descriptor, &status), 0);
	return (__u32)status.st_ino;
}

/* Sends to a socket that nobody reads until it waits for room. */
static pid_t sender(int descriptor, size_t bytes, int with_send)
{
	static const char text[8192];
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child)
		for (;;)
			if ((with_send ? send(descriptor, text, bytes, 0)
				       : write(descriptor, text, bytes)) < 0)
				_exit(1);
	return child;
}

static double look(pid_t child, __u32 inode)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	double bytes = 0;

	for (int i = 0; i < LOOKS && !(bytes > 0); i++) {
		nanosleep(&pause, NULL);
		bytes = ts_blocked_write("/proc", child, inode);
	}
	return bytes;
}

static void check(size_t bytes, int with_send)
{
	int pair[2];
	pid_t child;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	child = sender(pair[0], bytes, with_send);
	assert_float_equal(look(child, inode_of(pair[0])), (double)bytes, 0);
	/* It waits, but not there. */
	assert_float_equal(ts_blocked_write("/proc", child, inode_of(pair[1])), 0, 0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_float_equal(ts_blocked_write("/proc", child, inode_of(pair[0])), 0, 0);
	close(pair[0]);
	close(pair[1]);
}

static void waits_in_send(void **state)
{
	check(1000, 1);
}

static void waits_in_write(void **state)
{
	check(8192, 0);
}

static void does_not_write_at_all(void **state)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_float_equal(ts_blocked_write("/proc", getpid(), inode_of(pair[0])), 0, 0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_in_send),
		cmocka_unit_test(waits_in_write),
		cmocka_unit_test(does_not_write_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
