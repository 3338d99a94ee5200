// SPDX-License-Identifier: GPL-2.0-only
#include "privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/error.h"

#define NOBODY 65534

/*
 * What reading goes on to need. CAP_PERFMON is not among them: only loading and attaching ask for
 * it.
 */
static const cap_value_t reading[] = {
	CAP_BPF,	     /* maps, iterators and program facts, where unprivileged BPF is off */
	CAP_NET_ADMIN,	     /* sock_diag: memory and drops of other users' sockets */
	CAP_SYS_ADMIN,	     /* setns into network namespaces; BPF run-time statistics */
	CAP_SYS_PTRACE,	     /* /proc/PID/ns and /proc/PID/fd of other users' processes */
	CAP_DAC_READ_SEARCH, /* the directories of these; cgroups and files closed to others */
};
#define READING (sizeof reading / sizeof *reading)

static bool permitted(cap_t held, cap_value_t capability)
{
	cap_flag_value_t value = CAP_CLEAR;

	return !cap_get_flag(held, capability, CAP_PERMITTED, &value) && value == CAP_SET;
}

static int set_effective(cap_value_t capability, cap_flag_value_t value)
{
	cap_t state = cap_get_proc();
	int error = 0;

	if (!state)
		return -errno;
	if (cap_set_flag(state, CAP_EFFECTIVE, 1, &capability, value) || cap_set_proc(state))
		error = -errno;
	cap_free(state);
	return error;
}

/* Whether writing in directory takes CAP_DAC_OVERRIDE, found out by doing without it. */
static bool needs_override(cap_t held, const char *directory)
{
	bool refused;

	if (!permitted(held, CAP_DAC_OVERRIDE) || set_effective(CAP_DAC_OVERRIDE, CAP_CLEAR))
		return false;
	refused = faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0 && errno == EACCES;
	set_effective(CAP_DAC_OVERRIDE, CAP_SET);
	return refused;
}

/* Adds a capability to what is kept when it is held now. */
static int keep(cap_t kept, cap_t held, cap_value_t capability)
{
	if (!permitted(held, capability))
		return 0;
	if (cap_set_flag(kept, CAP_PERMITTED, 1, &capability, CAP_SET) ||
	    cap_set_flag(kept, CAP_EFFECTIVE, 1, &capability, CAP_SET))
		return -errno;
	return 0;
}

/*
 * The bounding set can only be reduced with CAP_SETPCAP. A process without it that gains nothing on
 * exec (no_new_privs) loses nothing by keeping the set.
 */
static int bound(cap_t held, cap_t kept)
{
	int error;

	if (!permitted(held, CAP_SETPCAP))
		return 0;
	error = set_effective(CAP_SETPCAP, CAP_SET);
	if (error)
		return error;
	for (cap_value_t capability = 0; capability < cap_max_bits(); capability++)
		if (!permitted(kept, capability) && cap_get_bound(capability) == 1 &&
		    cap_drop_bound(capability))
			return -errno;
	return 0;
}

/* Keeps those of kept, in the effective and permitted set; the other sets become empty. */
static int reduce_to(cap_t held, cap_t kept)
{
	int error;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	error = bound(held, kept);
	if (error)
		return error;
	/* Kernels before 4.3 have no ambient set. */
	if (cap_reset_ambient() && errno != EINVAL)
		return -errno;
	return cap_set_proc(kept) ? -errno : 0;
}

static int fill_kept(cap_t kept, cap_t held, const char *directory)
{
	int error = 0;

	for (size_t i = 0; i < READING && !error; i++)
		error = keep(kept, held, reading[i]);
	if (!error && directory && needs_override(held, directory))
		error = keep(kept, held, CAP_DAC_OVERRIDE);
	return error;
}

int ts_privileges_drop_writing(const char *directory)
{
	cap_t held = cap_get_proc(), kept = cap_init();
	int error = -ENOMEM;

	if (held && kept) {
		error = fill_kept(kept, held, directory);
		if (!error)
			error = reduce_to(held, kept);
	}
	cap_free(held);
	cap_free(kept);
	if (error)
		return ts_err(error, "privileges could not be given up: %s", strerror(-error));
	return 0;
}

int ts_privileges_drop(void)
{
	return ts_privileges_drop_writing(NULL);
}

/*
 * Root owns the files of most settings: without capabilities it could still write them. (An
 * ordinary user keeps its groups: giving them up takes CAP_SETGID.)
 */
static int become_nobody(void)
{
	if (geteuid() && getuid())
		return 0;
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return -errno;
	return 0;
}

/* In this order: the first two take capabilities, which a change of the user clears. */
static int drop_all(cap_t held, cap_t none)
{
	int error = bound(held, none);

	if (!error && cap_reset_ambient() && errno != EINVAL)
		error = -errno;
	if (!error)
		error = become_nobody();
	if (!error && cap_set_proc(none))
		error = -errno;
	if (!error && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0)))
		error = -errno;
	return error;
}

int ts_privileges_drop_all(void)
{
	cap_t held = cap_get_proc(), none = cap_init();
	int error = held && none ? drop_all(held, none) : -ENOMEM;

	cap_free(held);
	cap_free(none);
	if (error == -EPERM)
		return ts_err(error,
			      "privileges could not be given up: as root that takes CAP_SETUID and "
			      "CAP_SETGID");
	if (error)
		return ts_err(error, "privileges could not be given up: %s", strerror(-error));
	return 0;
}
