// SPDX-License-Identifier: GPL-2.0-only
#include "disk_accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A disk that does nothing is looked at this often: has it a medium, is an account kept? */
#define CHECK_NS      5000000000ull
#define NS_PER_MS     1000000ull
#define WRAP_AFTER_MS (1ull << 32)

static bool same_disk(const struct ts_disk *a, const struct ts_disk *b)
{
	return a->major == b->major && a->minor == b->minor && !strcmp(a->name, b->name);
}

/* The list keeps its order: nearly always it is the one behind the last. */
static struct ts_disk_account *find(struct ts_disk_accounts *accounts, const struct ts_disk *disk)
{
	for (size_t n = 0; n < accounts->count; n++) {
		size_t at = (accounts->hint + n) % accounts->count;

		if (!same_disk(&accounts->account[at].last, disk))
			continue;
		accounts->hint = at + 1;
		return &accounts->account[at];
	}
	return NULL;
}

static struct ts_disk_account *add(struct ts_disk_accounts *accounts)
{
	if (accounts->count == accounts->capacity) {
		size_t capacity = accounts->capacity ? accounts->capacity * 2 : 16;
		struct ts_disk_account *larger =
			reallocarray(accounts->account, capacity, sizeof *larger);

		if (!larger)
			return NULL;
		accounts->account = larger;
		accounts->capacity = capacity;
	}
	accounts->account[accounts->count] = (struct ts_disk_account){0};
	return &accounts->account[accounts->count++];
}

/* Another disk of the same name and number: it starts anew. */
static bool started_anew(const struct ts_disk *now, const struct ts_disk *last)
{
	for (int op = 0; op < TS_DISK_OPS; op++)
		if (now->requests[op] < last->requests[op] || now->bytes[op] < last->bytes[op])
			return true;
	return false;
}

__u64 ts_disk_ms_since(__u64 now_ns, __u64 last_ns)
{
	__u64 now = now_ns / NS_PER_MS, last = last_ns / NS_PER_MS;

	return (now >= last ? now - last : now + WRAP_AFTER_MS - last) * NS_PER_MS;
}

/* What was done since the last reading. */
static struct ts_disk since(const struct ts_disk *now, const struct ts_disk *last)
{
	struct ts_disk more = *now;

	if (started_anew(now, last))
		return more;
	for (int op = 0; op < TS_DISK_OPS; op++) {
		more.requests[op] -= last->requests[op];
		more.bytes[op] -= last->bytes[op];
	}
	more.busy_ns = ts_disk_ms_since(now->busy_ns, last->busy_ns);
	more.weighted_ns = ts_disk_ms_since(now->weighted_ns, last->weighted_ns);
	return more;
}

static __u64 sum_requests(const struct ts_disk *disk)
{
	__u64 sum = 0;

	for (int op = 0; op < TS_DISK_OPS; op++)
		sum += disk->requests[op];
	return sum;
}

static void add_up(struct ts_disk *total, const struct ts_disk *more)
{
	for (int op = 0; op < TS_DISK_OPS; op++) {
		total->requests[op] += more->requests[op];
		total->bytes[op] += more->bytes[op];
	}
	total->busy_ns += more->busy_ns;
	total->weighted_ns += more->weighted_ns;
	total->in_flight += more->in_flight;
	if (more->ops > total->ops)
		total->ops = more->ops;
}

/* What moves is counted, whatever queue/iostats was a moment ago. */
static bool is_accounted(struct ts_disk_account *account, const char *sys, bool moved, __u64 now_ns)
{
	if (!account->checked_ns)
		account->whole = ts_disk_exists(sys, account->last.name);
	if (!account->whole)
		account->counts = false;
	else if (moved)
		account->counts = true;
	else if (!account->checked_ns || now_ns - account->checked_ns >= CHECK_NS)
		account->counts = ts_disk_keeps_account(sys, account->last.name);
	else
		return account->counts;
	account->checked_ns = now_ns;
	return account->counts;
}

static void leave(struct ts_disk_accounts *accounts, struct ts_disk_account *account)
{
	accounts->shown -= account->shown;
	account->shown = false;
}

void ts_disk_accounts_begin(struct ts_disk_accounts *accounts)
{
	accounts->any_other = false;
	accounts->other.in_flight = 0;
	for (size_t i = 0; i < accounts->count; i++)
		accounts->account[i].seen = false; /* the last reading may have broken off */
}

int ts_disk_accounts_read(struct ts_disk_accounts *accounts, const char *sys,
			  const struct ts_disk *now, __u64 now_ns)
{
	struct ts_disk_account *account = find(accounts, now);
	struct ts_disk more = account ? since(now, &account->last) : *now;
	bool known = account, moved, used;

	if (!account)
		account = add(accounts);
	if (!account)
		return -ENOMEM;
	account->last = *now;
	account->seen = true;
	moved = sum_requests(&more) || more.busy_ns || now->in_flight;
	used = sum_requests(now) || now->in_flight;
	/* At the very first reading, what has moved did so at any time since boot. */
	moved = moved && (known || accounts->primed);
	if (!used || !is_accounted(account, sys, moved, now_ns)) {
		leave(accounts, account);
		return 0;
	}
	if (!account->shown && accounts->shown < TS_DISKS_SHOWN) {
		account->shown = true;
		accounts->shown++;
		account->total = *now;
		memset(account->total.requests, 0, sizeof account->total.requests);
		memset(account->total.bytes, 0, sizeof account->total.bytes);
		account->total.busy_ns = account->total.weighted_ns = 0;
	}
	if (account->shown) {
		account->total.in_flight = 0;
		add_up(&account->total, &more);
		return 0;
	}
	accounts->any_other = true;
	add_up(&accounts->other, &more);
	accounts->overflowed += sum_requests(&more);
	return 0;
}

void ts_disk_accounts_end(struct ts_disk_accounts *accounts)
{
	size_t kept = 0;

	for (size_t i = 0; i < accounts->count; i++) {
		struct ts_disk_account *account = &accounts->account[i];

		if (!account->seen) {
			leave(accounts, account);
			continue;
		}
		accounts->account[kept++] = *account;
	}
	accounts->count = kept;
	accounts->hint = 0;
	accounts->primed = true;
}

void ts_disk_accounts_free(struct ts_disk_accounts *accounts)
{
	free(accounts->account);
	*accounts = (struct ts_disk_accounts){0};
}
