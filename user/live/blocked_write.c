// SPDX-License-Identifier: GPL-2.0-only
#include "blocked_write.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "procfile.h"

#define THREADS_MOST 64 /* looked at; one that waits there is rarely further down */

static bool is_socket(const char *proc, int pid, unsigned long long descriptor, __u32 inode)
{
	char path[TS_PROC_PATH_MAX], target[64], wanted[64];
	ssize_t length;

	snprintf(path, sizeof path, "%s/%d/fd/%llu", proc, pid, descriptor);
	length = readlink(path, target, sizeof target - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	snprintf(wanted, sizeof wanted, "socket:[%u]", inode);
	return !strcmp(target, wanted);
}

/* "44 0x3 0x7ffe… 0x400 …": call and arguments; "running" where it is in none. */
static double wait_of(const char *proc, int pid, const char *thread, __u32 inode)
{
	unsigned long long descriptor, bytes;
	char path[TS_PROC_PATH_MAX];
	long call = -1;
	FILE *file;
	int found;

	snprintf(path, sizeof path, "%s/%d/task/%.20s/syscall", proc, pid, thread);
	file = fopen(path, "re");
	if (!file)
		return 0;
	found = fscanf(file, "%ld %llx %*x %llx", &call, &descriptor, &bytes);
	fclose(file);
	if (found != 3 || (call != SYS_write && call != SYS_sendto) ||
	    !is_socket(proc, pid, descriptor, inode))
		return 0;
	return (double)bytes;
}

double ts_blocked_write(const char *proc, int pid, __u32 inode)
{
	char path[TS_PROC_PATH_MAX];
	struct dirent *row;
	double bytes = 0;
	int threads = 0;
	DIR *directory;

	snprintf(path, sizeof path, "%s/%d/task", proc, pid);
	directory = opendir(path);
	if (!directory)
		return 0;
	while (!(bytes > 0) && threads < THREADS_MOST && (row = readdir(directory)))
		if (isdigit((unsigned char)row->d_name[0])) {
			bytes = wait_of(proc, pid, row->d_name, inode);
			threads++;
		}
	closedir(directory);
	return bytes;
}
