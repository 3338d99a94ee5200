// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup_accounts.h"

#include <stdlib.h>
#include <string.h>

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct ts_cgroup_account *)a)->path,
		      ((const struct ts_cgroup_account *)b)->path);
}

static int compare_numbers(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return left < right ? -1 : left > right;
}

/* Room for one more element. */
static bool grow(void **array, size_t count, size_t *capacity, size_t element)
{
	size_t larger = *capacity ? *capacity * 2 : 32;
	void *moved;

	if (count < *capacity)
		return true;
	moved = reallocarray(*array, larger, element);
	if (!moved)
		return false;
	*array = moved;
	*capacity = larger;
	return true;
}

void ts_cgroup_accounts_begin(struct ts_cgroup_accounts *accounts)
{
	accounts->other.cpus = 0;
	for (size_t i = 0; i < accounts->count; i++)
		accounts->account[i].seen = false;
}

bool ts_cgroup_accounts_visit(struct ts_cgroup_accounts *accounts, __u64 directory)
{
	if (!grow((void **)&accounts->directory, accounts->directories,
		  &accounts->directory_capacity, sizeof *accounts->directory))
		return false;
	accounts->directory[accounts->directories++] = directory;
	return true;
}

/* It was there when all cgroups were last gone through. */
static bool is_older(const struct ts_cgroup_accounts *accounts, __u64 directory)
{
	return accounts->walked && bsearch(&directory, accounts->directory, accounts->walked,
					   sizeof directory, compare_numbers);
}

static struct ts_cgroup_account *find(struct ts_cgroup_accounts *accounts, const char *path)
{
	struct ts_cgroup_account key = {.path = (char *)path};

	return accounts->sorted ? bsearch(&key, accounts->account, accounts->sorted, sizeof key,
					  compare_paths)
				: NULL;
}

static struct ts_cgroup_account *add(struct ts_cgroup_accounts *accounts, const char *path)
{
	struct ts_cgroup_account *account;

	if (!grow((void **)&accounts->account, accounts->count, &accounts->capacity,
		  sizeof *account))
		return NULL;
	account = &accounts->account[accounts->count];
	*account = (struct ts_cgroup_account){.path = strdup(path)};
	if (!account->path)
		return NULL;
	accounts->count++;
	return account;
}

static bool went_down(const struct ts_cgroup_quota *now, const struct ts_cgroup_quota *last)
{
	return now->periods < last->periods || now->throttled_periods < last->throttled_periods ||
	       now->throttled_ns < last->throttled_ns;
}

static void add_up(struct ts_cgroup_quota *total, const struct ts_cgroup_quota *more)
{
	total->periods += more->periods;
	total->throttled_periods += more->throttled_periods;
	total->throttled_ns += more->throttled_ns;
}

static void count(struct ts_cgroup_accounts *accounts, struct ts_cgroup_account *account,
		  const struct ts_cgroup_quota *more, double cpus)
{
	account->since_ns = accounts->primed ? more->throttled_ns : 0;
	if (!account->shown && accounts->shown < TS_CGROUPS_SHOWN) {
		account->shown = true;
		account->total = (struct ts_cgroup_quota){0};
		accounts->shown++;
	}
	if (account->shown) {
		account->total.cpus = cpus;
		add_up(&account->total, more);
		return;
	}
	accounts->any_other = true;
	accounts->other.cpus += cpus;
	add_up(&accounts->other, more);
	accounts->overflowed += more->periods;
}

bool ts_cgroup_accounts_add(struct ts_cgroup_accounts *accounts, const char *path, __u64 directory,
			    __u64 file, const struct ts_cgroup_quota *now)
{
	struct ts_cgroup_account *account = find(accounts, path);
	struct ts_cgroup_quota more = *now;

	if (!account) {
		account = add(accounts, path);
		if (!account)
			return false;
		if (accounts->primed && is_older(accounts, directory))
			more = (struct ts_cgroup_quota){0};
	} else if (account->file == file && !went_down(now, &account->last)) {
		more.periods -= account->last.periods;
		more.throttled_periods -= account->last.throttled_periods;
		more.throttled_ns -= account->last.throttled_ns;
	}
	account->seen = true;
	account->file = file;
	account->last = *now;
	count(accounts, account, &more, now->cpus);
	return true;
}

void ts_cgroup_accounts_end(struct ts_cgroup_accounts *accounts)
{
	size_t kept = 0, walked = accounts->directories - accounts->walked;

	for (size_t i = 0; i < accounts->count; i++) {
		struct ts_cgroup_account *account = &accounts->account[i];

		if (account->seen) {
			accounts->account[kept++] = *account;
			continue;
		}
		accounts->shown -= account->shown;
		free(account->path);
	}
	accounts->count = accounts->sorted = kept;
	if (kept)
		qsort(accounts->account, kept, sizeof *accounts->account, compare_paths);
	accounts->primed = true;
	if (!walked)
		return;
	memmove(accounts->directory, accounts->directory + accounts->walked,
		walked * sizeof *accounts->directory);
	accounts->directories = accounts->walked = walked;
	qsort(accounts->directory, walked, sizeof *accounts->directory, compare_numbers);
}

void ts_cgroup_accounts_free(struct ts_cgroup_accounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++)
		free(accounts->account[i].path);
	free(accounts->account);
	free(accounts->directory);
	*accounts = (struct ts_cgroup_accounts){0};
}
