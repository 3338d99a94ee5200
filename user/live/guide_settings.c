// SPDX-License-Identifier: GPL-2.0-only
#include "guide_settings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <mntent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procfile.h"

#define TEXT_MAX 512

struct values {
	struct ts_guide_value *value;
	size_t count, limit;
};

static struct ts_guide_value *add(struct values *values, const char *scope)
{
	struct ts_guide_value *value;

	if (values->count == values->limit)
		return NULL;
	value = &values->value[values->count++];
	memset(value, 0, sizeof *value);
	snprintf(value->scope, sizeof value->scope, "%s", scope);
	return value;
}

/* The chosen one of a list with brackets, "[none] mq-deadline"; tabs become blanks. */
static void keep(struct ts_guide_value *value, char *text)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (close) {
		*close = '\0';
		text = open + 1;
	}
	for (char *c = text; *c; c++)
		if (*c == '\t')
			*c = ' ';
	snprintf(value->value, sizeof value->value, "%.159s", text);
}

static void read_file(struct values *values, const char *scope, const char *path)
{
	struct ts_guide_value *value = add(values, scope);
	char text[TEXT_MAX];
	ssize_t length = value ? ts_read_small(AT_FDCWD, path, text, sizeof text) : -1;

	if (!value)
		return;
	if (length > 0)
		keep(value, text);
	else if (length == -ENOENT)
		snprintf(value->why, sizeof value->why, "this kernel has no %.150s", path);
	else
		snprintf(value->why, sizeof value->why, "%.120s cannot be read: %s", path,
			 length ? strerror((int)-length) : "it is empty");
}

static void sysctl_path(const char *name, char path[TEXT_MAX])
{
	snprintf(path, TEXT_MAX, "/proc/sys/%s", name);
	for (char *c = path + strlen("/proc/sys/"); *c; c++)
		if (*c == '.')
			*c = '/';
}

/* Loop devices, RAM disks and what is made of other devices have no device of their own. */
static bool real_block_device(const char *path)
{
	char device[TEXT_MAX];
	const char *rest = strchr(path + strlen("/sys/block/"), '/');

	if (strncmp(path, "/sys/block/", strlen("/sys/block/")) || !rest)
		return true;
	snprintf(device, sizeof device, "%.*s/device", (int)(rest - path), path);
	return !access(device, F_OK);
}

/* The part of a path that stands for the *. */
static void scope_of(const char *pattern, const char *path, char scope[64])
{
	size_t head = strcspn(pattern, "*?[");

	while (head && pattern[head - 1] != '/')
		head--;
	snprintf(scope, 64, "%.*s", pattern[head] ? (int)strcspn(path + head, "/") : 0,
		 path + head);
}

static void read_pattern(struct values *values, const char *pattern)
{
	struct ts_guide_value *none;
	char scope[64];
	glob_t found;

	if (!strpbrk(pattern, "*?[")) {
		read_file(values, "", pattern);
		return;
	}
	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (!real_block_device(found.gl_pathv[i]))
				continue;
			scope_of(pattern, found.gl_pathv[i], scope);
			read_file(values, scope, found.gl_pathv[i]);
		}
		globfree(&found);
	}
	none = values->count ? NULL : add(values, "");
	if (none)
		snprintf(none->why, sizeof none->why, "this host has nothing that is %.150s",
			 pattern);
}

/* The same of all CPUs, or of each where they differ. */
static void read_cpufreq(struct values *values, const char *name)
{
	char pattern[TEXT_MAX];
	bool same = true;

	snprintf(pattern, sizeof pattern, "/sys/devices/system/cpu/cpu[0-9]*/cpufreq/%s", name);
	read_pattern(values, pattern);
	if (!*values->value[0].value) {
		snprintf(values->value[0].why, sizeof values->value[0].why,
			 "this host has no cpufreq: who gives it its CPUs sets their frequency");
		return;
	}
	for (size_t i = 1; i < values->count; i++)
		same = same && !strcmp(values->value[i].value, values->value[0].value);
	if (same) {
		values->count = 1;
		values->value[0].scope[0] = '\0';
	}
}

/* "nofile" is "Max open files". */
static const char *limit_title(const char *name)
{
	static const char *const titles[][2] = {
		{"nofile", "Max open files"},	  {"nproc", "Max processes"},
		{"memlock", "Max locked memory"}, {"stack", "Max stack size"},
		{"core", "Max core file size"},
	};

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (!strcmp(titles[i][0], name))
			return titles[i][1];
	return NULL;
}

/* The soft limit of a process; "" when it is gone. */
static void read_limit(const char *pid, const char *title, char value[64])
{
	char path[64], line[256];
	FILE *file;

	*value = '\0';
	snprintf(path, sizeof path, "/proc/%.20s/limits", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, title, strlen(title)) &&
		    sscanf(line + strlen(title), "%63s", value) == 1)
			break;
	if (file)
		fclose(file);
}

static void read_process(struct values *values, const char *pid, const char *program,
			 const char *title)
{
	char path[64], comm[64], limit[64], scope[64];
	struct ts_guide_value *value;

	snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
	if (ts_read_small(AT_FDCWD, path, comm, sizeof comm) <= 0 || strcmp(comm, program))
		return;
	read_limit(pid, title, limit);
	/* Workers of one program mostly have the same limit: one of them is told. */
	for (size_t i = 0; i < values->count; i++)
		if (!strcmp(values->value[i].value, limit))
			return;
	snprintf(scope, sizeof scope, "%.20s (%.20s)", program, pid);
	value = *limit ? add(values, scope) : NULL;
	if (value)
		snprintf(value->value, sizeof value->value, "%s", limit);
}

/* name: "nofile@nginx" */
static void read_rlimit(struct values *values, const char *name)
{
	const char *at = strchr(name, '@'), *title;
	char resource[32];
	struct dirent *entry;
	struct ts_guide_value *none;
	DIR *proc;

	snprintf(resource, sizeof resource, "%.*s", (int)strcspn(name, "@"), name);
	title = limit_title(resource);
	proc = at && title ? opendir("/proc") : NULL;
	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			read_process(values, entry->d_name, at + 1, title);
	if (proc)
		closedir(proc);
	none = values->count ? NULL : add(values, "");
	if (!none)
		return;
	if (at && title)
		snprintf(none->why, sizeof none->why, "no process is called %.64s", at + 1);
	else
		snprintf(none->why, sizeof none->why,
			 "a limit belongs to a process: rlimit/nofile@PROGRAM");
}

static void read_mounts(struct values *values, const char *option)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	struct mntent entry, *found;
	struct ts_guide_value *value;
	char buffer[4096], last[256] = "";

	while (table && (found = getmntent_r(table, &entry, buffer, sizeof buffer))) {
		bool has = hasmntopt(found, option) ||
			   (!strcmp(option, "nodiratime") && hasmntopt(found, "noatime"));

		/* What is mounted again elsewhere is the same file system. */
		if (strncmp(found->mnt_fsname, "/dev/", 5) || !strcmp(found->mnt_fsname, last))
			continue;
		snprintf(last, sizeof last, "%.255s", found->mnt_fsname);
		value = add(values, found->mnt_dir);
		if (value)
			snprintf(value->value, sizeof value->value, "%s", has ? "yes" : "no");
	}
	if (table)
		endmntent(table);
	value = values->count ? NULL : add(values, "");
	if (value)
		snprintf(value->why, sizeof value->why,
			 "no file system on a block device is mounted here");
}

size_t ts_guide_read(const char *name, struct ts_guide_value *value, size_t limit)
{
	static const struct {
		const char *beginning;
		void (*read)(struct values *values, const char *rest);
	} kinds[] = {
		{"rlimit/", read_rlimit},
		{"mount/", read_mounts},
		{"cpufreq/", read_cpufreq},
	};
	struct values values = {value, 0, limit};
	char path[TEXT_MAX];

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t length = strlen(kinds[i].beginning);

		if (strncmp(name, kinds[i].beginning, length))
			continue;
		kinds[i].read(&values, name + length);
		return values.count;
	}
	if (*name == '/') {
		read_pattern(&values, name);
	} else {
		sysctl_path(name, path);
		read_file(&values, "", path);
	}
	return values.count;
}

/* --- what this kernel takes */

static bool congestion_control_available(const char *value, char why[200])
{
	char list[256], *at = list, *word;

	if (ts_read_small(AT_FDCWD, "/proc/sys/net/ipv4/tcp_available_congestion_control", list,
			  sizeof list) <= 0)
		return true;
	snprintf(why, 200,
		 "%.20s is not among those this kernel has loaded (%.60s); modprobe "
		 "tcp_%.20s loads it where there is such a module",
		 value, list, value);
	while ((word = ts_take_word(&at)))
		if (!strcmp(word, value))
			return true;
	return false;
}

/* In a process of its own: 0, or the errno of writing; namespaces that cannot be had say nothing.
 */
static int try_in_namespace(const char *path, const char *value)
{
	int file, error = 0;

	if (access(path, W_OK) || unshare(CLONE_NEWNET))
		return 0;
	file = open(path, O_WRONLY | O_CLOEXEC);
	/* Not of network namespaces: then a new one has no such file, or one for reading only. */
	if (file < 0)
		return 0;
	if (write(file, value, strlen(value)) < 0)
		error = errno;
	close(file);
	return error;
}

bool ts_guide_accepted(const char *name, const char *value, char why[200])
{
	char path[TEXT_MAX];
	int status = 0;
	pid_t child;

	if (!strcmp(name, "net.ipv4.tcp_congestion_control"))
		return congestion_control_available(value, why);
	/* net.core has settings of the whole host besides: those are not to be written. */
	if (strncmp(name, "net.ipv4.", 9) && strcmp(name, "net.core.somaxconn") &&
	    strncmp(name, "net.unix.", 9))
		return true;
	sysctl_path(name, path);
	fflush(NULL);
	child = fork();
	if (!child)
		_exit(try_in_namespace(path, value) & 0xff);
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    !WEXITSTATUS(status))
		return true;
	snprintf(why, 200, "this kernel refuses it: %s", strerror(WEXITSTATUS(status)));
	return false;
}
