// SPDX-License-Identifier: GPL-2.0-only
#include "socket_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_comm(int process, struct ts_socket_owner *owner)
{
	int file = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (file < 0)
		return;
	length = read(file, owner->comm, sizeof owner->comm - 1);
	close(file);
	owner->comm[length > 0 ? length : 0] = '\0';
	owner->comm[strcspn(owner->comm, "\n")] = '\0';
}

/* The inode in "socket:[12345]", or 0. */
static __u32 socket_inode(int directory, const char *name)
{
	char target[64];
	unsigned int inode;
	ssize_t length = readlinkat(directory, name, target, sizeof target - 1);

	if (length <= 0)
		return 0;
	target[length] = '\0';
	return sscanf(target, "socket:[%u]", &inode) == 1 ? inode : 0;
}

/* Returns how many owners were found in this process. */
static size_t scan_process(int process, int pid, struct ts_socket_owner *owner, size_t count)
{
	int files = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = files < 0 ? NULL : fdopendir(files);
	struct dirent *row;
	size_t found = 0;

	if (!directory) {
		if (files >= 0)
			close(files);
		return 0;
	}
	while ((row = readdir(directory))) {
		__u32 inode;

		if (!isdigit((unsigned char)row->d_name[0]))
			continue;
		inode = socket_inode(dirfd(directory), row->d_name);
		for (size_t i = 0; inode && i < count; i++) {
			if (owner[i].inode != inode || owner[i].pid)
				continue;
			owner[i].pid = pid;
			read_comm(process, &owner[i]);
			found++;
		}
	}
	closedir(directory);
	return found;
}

void ts_socket_owners(const char *proc, struct ts_socket_owner *owner, size_t count)
{
	DIR *directory;
	struct dirent *row;
	size_t wanted = 0;

	for (size_t i = 0; i < count; i++)
		wanted += owner[i].inode != 0;
	directory = wanted ? opendir(proc) : NULL;
	if (!directory)
		return;
	while (wanted && (row = readdir(directory))) {
		size_t found;
		int process;

		if (!isdigit((unsigned char)row->d_name[0]))
			continue;
		process = openat(dirfd(directory), row->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		found = scan_process(process, atoi(row->d_name), owner, count);
		wanted -= found < wanted ? found : wanted;
		close(process);
	}
	closedir(directory);
}
