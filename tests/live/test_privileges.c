// SPDX-License-Identifier: GPL-2.0-only
/* What a process still may do after giving up privileges, tried in child processes. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>
#include <cmocka.h>

#include "../../user/live/privileges.h"

#define BIT(capability) (1ULL << (capability))

static const unsigned long long reading = BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) |
					  BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH);

/* Runs what in a child; true when it said so. */
static bool in_child(bool (*what)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child)
		_exit(what() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A line of /proc/self/status as a hexadecimal number. */
static unsigned long long status_line(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long value = ~0ULL;
	char line[256];

	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL, 16);
	if (file)
		fclose(file);
	return value;
}

static bool sets_are(unsigned long long kept, unsigned long long bounding)
{
	return status_line("CapEff") == kept && status_line("CapPrm") == kept &&
	       status_line("CapBnd") == bounding && !status_line("CapInh") &&
	       !status_line("CapAmb") && status_line("NoNewPrivs") == 1;
}

static bool drop_as_root(void)
{
	unsigned long long before = status_line("CapPrm");

	return !ts_privileges_drop() && sets_are(before & reading, before & reading);
}

static void of_all_sets_only_what_reading_needs_stays(void **state)
{
	assert_true(in_child(drop_as_root));
}

/* Twice, as a command might: the second time there is nothing to drop, and nothing fails. */
static bool drop_twice(void)
{
	return !ts_privileges_drop() && !ts_privileges_drop() &&
	       status_line("CapEff") == status_line("CapPrm");
}

static void dropping_twice_is_fine(void **state)
{
	assert_true(in_child(drop_twice));
}

static bool enter_a_namespace(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY);

	if (home < 0 || unshare(CLONE_NEWNET) || ts_privileges_drop())
		return false;
	return !setns(home, CLONE_NEWNET);
}

static void namespaces_can_still_be_entered(void **state)
{
	assert_true(in_child(enter_a_namespace));
}

static char theirs[] = "/tmp/tunescope-test.XXXXXX";

static bool write_anywhere(void)
{
	int directory = open(theirs, O_RDONLY | O_DIRECTORY), file;

	if (ts_privileges_drop_writing(theirs) || !(status_line("CapEff") & BIT(CAP_DAC_OVERRIDE)))
		return false;
	file = openat(directory, "file", O_CREAT | O_WRONLY, 0600);
	return file >= 0 && !unlinkat(directory, "file", 0);
}

static bool write_at_home(void)
{
	return !ts_privileges_drop_writing("/root") &&
	       !(status_line("CapEff") & BIT(CAP_DAC_OVERRIDE));
}

static void writing_in_the_directory_of_another_stays_possible_and_only_there(void **state)
{
	bool anywhere;

	assert_non_null(mkdtemp(theirs));
	assert_int_equal(chmod(theirs, 0755) || chown(theirs, 65534, 65534), 0);
	anywhere = in_child(write_anywhere);
	rmdir(theirs);
	assert_true(anywhere);
	assert_true(in_child(write_at_home));
}

static bool nothing_is_left(void)
{
	gid_t groups[8];

	if (ts_privileges_drop_all() || !sets_are(0, 0))
		return false;
	if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534 || getegid() != 65534 ||
	    getgroups(8, groups) != 0 || prctl(PR_GET_DUMPABLE) != 0)
		return false;
	/* The way back is closed, and no setting can be written. */
	return setuid(0) < 0 && open("/proc/sys/net/core/somaxconn", O_WRONLY) < 0 &&
	       errno == EACCES;
}

static void a_process_that_needs_nothing_has_nothing(void **state)
{
	assert_true(in_child(nothing_is_left));
}

/* An ordinary user with file capabilities, as an administrator may set up. */
static int as_user_with_capabilities(const char *mode)
{
	char copy[] = "/tmp/tunescope-test.XXXXXX", self[256], command[1024];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	int file = mkstemp(copy), status;

	assert_true(file >= 0 && length > 0);
	close(file);
	self[length] = '\0';
	snprintf(command, sizeof command,
		 "cp '%s' %s && chmod 755 %s && "
		 "setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_net_raw+ep %s && "
		 "setpriv --reuid=65534 --regid=65534 --clear-groups %s %s",
		 self, copy, copy, copy, copy, mode);
	status = system(command);
	unlink(copy);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_ordinary_user_with_file_capabilities_gives_them_up_too(void **state)
{
	assert_int_equal(as_user_with_capabilities("drop"), 0);
	assert_int_equal(as_user_with_capabilities("drop-all"), 0);
}

/* What the copy does: it has no CAP_SETPCAP, so its bounding set stays. */
static int user_mode(const char *mode)
{
	unsigned long long bounding = status_line("CapBnd");

	if (status_line("CapEff") !=
	    (BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_NET_RAW)))
		return 2;
	if (!strcmp(mode, "drop"))
		return ts_privileges_drop() ||
		       !sets_are(BIT(CAP_BPF) | BIT(CAP_SYS_PTRACE), bounding);
	return ts_privileges_drop_all() || !sets_are(0, bounding);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_all_sets_only_what_reading_needs_stays),
		cmocka_unit_test(dropping_twice_is_fine),
		cmocka_unit_test(namespaces_can_still_be_entered),
		cmocka_unit_test(writing_in_the_directory_of_another_stays_possible_and_only_there),
		cmocka_unit_test(a_process_that_needs_nothing_has_nothing),
		cmocka_unit_test(an_ordinary_user_with_file_capabilities_gives_them_up_too),
	};

	if (argc == 2)
		return user_mode(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
