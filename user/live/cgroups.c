// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU quotas of cgroups and what they cost: cpu.stat of every cgroup that has one, in the first
 * version's hierarchy with the cpu controller, in the unified one, or in both.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_mounts.h"
#include "procfile.h"

#define DIRECTORIES_MAX 4096 /* visited in a snapshot */
#define SUFFERERS_MAX	8
#define TASKS_LOOKED_AT 64
#define QUOTA_UNLIMITED 0.0

struct throttled {
	char *path;
	__u64 ns;
	__u64 since; /* the last snapshot */
};

struct quota_list {
	struct throttled *item; /* sorted by path once complete */
	size_t count, capacity;
};

struct cgroups {
	struct ts_cgroup_mount mount[TS_CGROUP_MOUNTS];
	int mounts;
	struct quota_list last[TS_CGROUP_MOUNTS]; /* of the snapshot before */
	bool primed;				  /* there was one */
};

/* One walk through one hierarchy, breadth first. */
struct walk {
	struct ts_live *live;
	struct ts_snapshot *snapshot;
	const struct ts_cgroup_mount *mount;
	struct quota_list now;
	char **queue; /* paths below the mount; "" is the root */
	size_t queued, capacity;
	__u64 unvisited;
	char why[256]; /* first failure */
	bool failed;
};

struct quota {
	double cpus; /* QUOTA_UNLIMITED: none */
	__u64 periods, throttled_periods, throttled_ns;
};

static void free_list(struct quota_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i].path);
	free(list->item);
	*list = (struct quota_list){0};
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct throttled *)a)->path, ((const struct throttled *)b)->path);
}

static const struct throttled *find_path(const struct quota_list *list, const char *path)
{
	struct throttled key = {.path = (char *)path};

	return list->count ? bsearch(&key, list->item, list->count, sizeof key, compare_paths)
			   : NULL;
}

static bool remember(struct quota_list *list, const char *path, __u64 ns)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct throttled *larger = reallocarray(list->item, capacity, sizeof *larger);

		if (!larger)
			return false;
		list->item = larger;
		list->capacity = capacity;
	}
	list->item[list->count] = (struct throttled){.path = strdup(path), .ns = ns};
	return list->item[list->count].path && ++list->count;
}

static bool enqueue(struct walk *walk, const char *parent, const char *name)
{
	char *path;

	if (walk->queued == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 64;
		char **larger = reallocarray(walk->queue, capacity, sizeof *larger);

		if (!larger)
			return false;
		walk->queue = larger;
		walk->capacity = capacity;
	}
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return false;
	walk->queue[walk->queued++] = path;
	return true;
}

static bool is_positive(const char *text, __u64 *value)
{
	return text && ts_is_number(text, value) && *value;
}

/* "max 100000" or "10000 100000"; *cpus stays QUOTA_UNLIMITED for the first. */
static int read_unified_limit(int directory, double *cpus, const char **file)
{
	char buffer[64], *text = buffer;
	const char *word;
	__u64 quota, period;
	ssize_t length;

	*file = "cpu.max";
	length = ts_read_small(directory, *file, buffer, sizeof buffer);
	if (length < 0)
		return (int)length;
	word = ts_take_word(&text);
	if (word && !strcmp(word, "max"))
		return 0;
	if (!is_positive(word, &quota) || !is_positive(ts_take_word(&text), &period))
		return -EPROTO;
	*cpus = (double)quota / (double)period;
	return 0;
}

/* The same in two files, with -1 for max. */
static int read_version_1_limit(int directory, double *cpus, const char **file)
{
	static const char *const files[] = {"cpu.cfs_quota_us", "cpu.cfs_period_us"};
	__u64 value[2];

	for (int i = 0; i < 2; i++) {
		char text[32];
		ssize_t length;

		*file = files[i];
		length = ts_read_small(directory, *file, text, sizeof text);
		if (length < 0)
			return (int)length;
		if (!i && !strcmp(text, "-1"))
			return 0;
		if (!is_positive(text, &value[i]))
			return -EPROTO;
	}
	*cpus = (double)value[0] / (double)value[1];
	return 0;
}

static int read_throttling(const struct walk *walk, int directory, struct quota *quota)
{
	const char *time_key = walk->mount->unified ? "throttled_usec" : "throttled_time";
	const struct {
		const char *key;
		__u64 *value;
	} wanted[] = {{"nr_periods", &quota->periods},
		      {"nr_throttled", &quota->throttled_periods},
		      {time_key, &quota->throttled_ns}};
	unsigned int found = 0;
	char buffer[4096], *text = buffer, *line;
	ssize_t length = ts_read_small(directory, "cpu.stat", buffer, sizeof buffer);

	if (length < 0)
		return (int)length;
	while ((line = ts_take_line(&text))) {
		const char *key = ts_take_word(&line);

		for (size_t i = 0; key && i < sizeof wanted / sizeof wanted[0]; i++)
			if (!strcmp(key, wanted[i].key)) {
				if (!ts_is_number(line, wanted[i].value))
					return -EPROTO;
				found |= 1u << i;
			}
	}
	if (found != 7 || quota->throttled_ns > ~0ull / 1000)
		return -EPROTO;
	quota->throttled_ns *= walk->mount->unified ? 1000 : 1;
	return 0;
}

static void fail(struct walk *walk, const char *path, const char *file, int error)
{
	char full[TS_PROC_PATH_MAX + 64];

	if (walk->failed)
		return;
	walk->failed = true;
	snprintf(full, sizeof full, "%s%s/%s", walk->mount->path, path, file);
	ts_proc_why(walk->why, full, error);
}

/* Removed meanwhile, or a cgroup without the controller: nothing to say about it. */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENODEV;
}

static void visit_quota(struct walk *walk, int directory, const char *path)
{
	const char *label = *path ? path : "/", *file;
	struct quota quota = {0};
	int error = walk->mount->unified ? read_unified_limit(directory, &quota.cpus, &file)
					 : read_version_1_limit(directory, &quota.cpus, &file);

	if (!error && quota.cpus != QUOTA_UNLIMITED) {
		file = "cpu.stat";
		error = read_throttling(walk, directory, &quota);
	}
	if (error) {
		if (!is_absent(error))
			fail(walk, path, file, error);
		return;
	}
	if (quota.cpus == QUOTA_UNLIMITED)
		return;
	ts_snapshot_gauge(walk->snapshot, TS_FAMILY_CGROUP_QUOTA, TS_LABELS(label), quota.cpus);
	ts_snapshot_counter(walk->snapshot, TS_FAMILY_CGROUP_PERIODS, TS_LABELS(label, "elapsed"),
			    quota.periods);
	ts_snapshot_counter(walk->snapshot, TS_FAMILY_CGROUP_PERIODS, TS_LABELS(label, "throttled"),
			    quota.throttled_periods);
	ts_snapshot_counter(walk->snapshot, TS_FAMILY_CGROUP_THROTTLED, TS_LABELS(label),
			    quota.throttled_ns);
	if (!remember(&walk->now, path, quota.throttled_ns))
		fail(walk, path, "cpu.stat", -ENOMEM);
}

static bool is_directory(int parent, const struct dirent *entry)
{
	struct stat stat;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return !fstatat(parent, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) && S_ISDIR(stat.st_mode);
}

static void visit_children(struct walk *walk, int directory, const char *path)
{
	struct dirent *entry;
	struct stat stat;
	DIR *list;
	int copy;

	/* A leaf has two links, itself and its parent's: no need to list its many files. */
	if (!fstat(directory, &stat) && stat.st_nlink == 2)
		return;
	copy = dup(directory);
	list = copy < 0 ? NULL : fdopendir(copy);
	if (!list) {
		fail(walk, path, "", -errno);
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(list))) {
		if (entry->d_name[0] == '.' || !is_directory(directory, entry))
			continue;
		if (walk->queued >= DIRECTORIES_MAX)
			walk->unvisited++;
		else if (!enqueue(walk, path, entry->d_name))
			fail(walk, path, "", -ENOMEM);
	}
	closedir(list);
}

static void visit(struct walk *walk, const char *path)
{
	char full[PATH_MAX];
	int directory;

	if (snprintf(full, sizeof full, "%s%s", walk->mount->path, path) >= (int)sizeof full) {
		walk->unvisited++;
		return;
	}
	directory = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0) {
		if (!is_absent(-errno))
			fail(walk, path, "", -errno);
		return;
	}
	visit_quota(walk, directory, path);
	visit_children(walk, directory, path);
	close(directory);
}

/* CPU ticks a task has used, and its name; 0 when it has gone. */
static __u64 task_ticks(const struct ts_live *live, __u64 pid, char comm[32])
{
	char path[TS_PROC_PATH_MAX], text[1024], *at, *open;
	__u64 user, system;
	size_t length;

	snprintf(path, sizeof path, "%.400s/%llu/stat", live->proc, (unsigned long long)pid);
	if (ts_read_small(AT_FDCWD, path, text, sizeof text) <= 0)
		return 0;
	/* "pid (name) state …": the name may hold anything, blanks and brackets included. */
	open = strchr(text, '(');
	at = strrchr(text, ')');
	if (!open || !at || at < open)
		return 0;
	length = (size_t)(at - open) - 1;
	snprintf(comm, 32, "%.*s", (int)(length < 31 ? length : 31), open + 1);
	at++;
	for (int field = 3; field < 14; field++)
		if (!ts_take_word(&at))
			return 0;
	return ts_take_number(&at, &user) && ts_take_number(&at, &system) ? user + system : 0;
}

/* The whole lines among the first bytes of a file. */
static bool read_head(const char *path, char *text, size_t size)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, size - 1);
	char *end;

	if (descriptor >= 0)
		close(descriptor);
	text[length > 0 ? length : 0] = '\0';
	end = strrchr(text, '\n');
	if (end)
		end[1] = '\0';
	return end;
}

/* The task of a cgroup that has used most CPU time, of the first few. */
static int busiest_task(const struct ts_live *live, const char *cgroup, char comm[32])
{
	/* The members of a threaded cgroup are only in the second file. */
	static const char *const files[] = {"cgroup.procs", "cgroup.threads", "tasks"};
	char path[PATH_MAX], text[8192], name[32];
	char *at = text, *line;
	bool found = false;
	__u64 most = 0, pid;
	int busiest = 0;

	comm[0] = '\0';
	for (size_t i = 0; !found && i < sizeof files / sizeof files[0]; i++) {
		if (snprintf(path, sizeof path, "%s/%s", cgroup, files[i]) >= (int)sizeof path)
			return 0;
		found = read_head(path, text, sizeof text);
	}
	for (int i = 0; found && i < TASKS_LOOKED_AT && (line = ts_take_line(&at)); i++) {
		__u64 ticks;

		/* 0 stands for a task of another pid namespace */
		if (!ts_is_number(line, &pid) || !pid || pid > INT_MAX)
			continue;
		ticks = task_ticks(live, pid, name);
		if (ticks > most || (!busiest && ticks)) {
			most = ticks;
			busiest = (int)pid;
			memcpy(comm, name, sizeof name);
		}
	}
	return busiest;
}

static int compare_since(const void *a, const void *b)
{
	__u64 left = ((const struct throttled *)a)->since;
	__u64 right = ((const struct throttled *)b)->since;

	return left < right ? 1 : left > right ? -1 : 0;
}

static void add_sufferers(struct walk *walk, const struct quota_list *before, bool primed)
{
	struct quota_list *now = &walk->now;

	for (size_t i = 0; i < now->count; i++) {
		const struct throttled *last = find_path(before, now->item[i].path);
		/* A value that went down is of a new cgroup of the same name. */
		__u64 start = last && last->ns <= now->item[i].ns ? last->ns : 0;

		now->item[i].since = primed ? now->item[i].ns - start : 0;
	}
	if (now->count)
		qsort(now->item, now->count, sizeof *now->item, compare_since);
	for (size_t i = 0; i < now->count && i < SUFFERERS_MAX && now->item[i].since; i++) {
		const char *path = now->item[i].path, *label = *path ? path : "/";
		char full[PATH_MAX], comm[32] = "";
		struct ts_sufferer sufferer = {.family = TS_FAMILY_CGROUP_THROTTLED,
					       .label = {label, "", "", ""},
					       .comm = comm,
					       .cgroup = label,
					       .value = (double)now->item[i].since / 1e9};

		if (snprintf(full, sizeof full, "%s%s", walk->mount->path, path) < (int)sizeof full)
			sufferer.pid = busiest_task(walk->live, full, comm);
		ts_snapshot_sufferer(walk->snapshot, &sufferer);
	}
}

static void walk_hierarchy(struct walk *walk)
{
	size_t next = 0;

	walk->queue = malloc(64 * sizeof *walk->queue);
	walk->capacity = 64;
	if (walk->queue)
		walk->queue[0] = strdup("");
	if (!walk->queue || !walk->queue[0]) {
		fail(walk, "", "", -ENOMEM);
	} else {
		for (walk->queued = 1; next < walk->queued; next++) {
			visit(walk, walk->queue[next]);
			free(walk->queue[next]);
		}
	}
	free(walk->queue);
	walk->queue = NULL;
}

static void cgroups_close(void *opaque)
{
	struct cgroups *state = opaque;

	for (int i = 0; i < TS_CGROUP_MOUNTS; i++)
		free_list(&state->last[i]);
	free(state);
}

static int cgroups_open(struct ts_live *live, void **opaque, enum ts_status *status, char why[256])
{
	struct cgroups *state = calloc(1, sizeof *state);
	char path[TS_PROC_PATH_MAX] = "/proc/self/mountinfo";

	*opaque = state;
	*status = TS_STATUS_FAILED;
	if (!state) {
		ts_proc_why(why, path, -ENOMEM);
		return -ENOMEM;
	}
	state->mounts = ts_cgroup_mounts(live, state->mount, path);
	if (state->mounts > 0)
		return 0;
	if (state->mounts < 0) {
		int error = state->mounts;

		ts_proc_why(why, path, error);
		cgroups_close(state);
		return error;
	}
	*status = TS_STATUS_UNSUPPORTED;
	snprintf(why, 256, "no cgroup hierarchy with the cpu controller is mounted");
	cgroups_close(state);
	return -ENOENT;
}

static void cgroups_snapshot(struct ts_live *live, void *opaque, struct ts_snapshot *snapshot)
{
	struct cgroups *state = opaque;
	enum ts_status status = TS_STATUS_OK;
	__u64 unvisited = 0;
	char why[256] = "";

	for (int i = 0; i < state->mounts; i++) {
		struct walk walk = {.live = live, .snapshot = snapshot, .mount = &state->mount[i]};

		walk_hierarchy(&walk);
		add_sufferers(&walk, &state->last[i], state->primed);
		free_list(&state->last[i]);
		if (walk.now.count)
			qsort(walk.now.item, walk.now.count, sizeof *walk.now.item, compare_paths);
		state->last[i] = walk.now;
		unvisited += walk.unvisited;
		if (walk.failed) {
			status = TS_STATUS_FAILED;
			snprintf(why, sizeof why, "%s", walk.why);
		}
	}
	state->primed = true;
	if (unvisited && status == TS_STATUS_OK)
		snprintf(why, sizeof why,
			 "at least %llu cgroups beyond the first %d were not looked at",
			 (unsigned long long)unvisited, DIRECTORIES_MAX);
	/* No cgroup with a quota is a measurement, too: nobody is throttled. */
	ts_snapshot_source_status(snapshot, TS_SOURCE_CGROUPS, status, why);
}

const struct ts_source ts_source_cgroups = {
	.id = TS_SOURCE_CGROUPS,
	.open = cgroups_open,
	.snapshot = cgroups_snapshot,
	.close = cgroups_close,
};
