// SPDX-License-Identifier: GPL-2.0-only
/* Reads that make a device write: each access changes a time that has to go to the device. */
#include "../rule.h"

#include <math.h>
#include <string.h>

#include "../arena.h"

enum { UPDATES, SHARE, WRITTEN };

#define UPDATE_BYTES 16384.0 /* what one update may cost: its block, and that in the journal */

struct accesses {
	const char *device, *mount;
	double read, other; /* updates of inodes */
	double writes, bytes, requests, busy;
};

static struct accesses measure(const struct ts_rule_context *context, const struct ts_series *s)
{
	const struct ts_window *w = context->window;
	const char *device = s->label[0], *mount = s->label[1];

	return (struct accesses){
		.device = device,
		.mount = mount,
		.read = (double)s->counter,
		.other = (double)ts_window_counter(w, TS_FAMILY_INODE_UPDATES,
						   TS_LABELS(device, mount, "other")),
		.writes = (double)ts_window_counter(w, TS_FAMILY_DISK_REQUESTS,
						    TS_LABELS(device, "write")),
		.bytes = (double)ts_window_counter(w, TS_FAMILY_DISK_BYTES,
						   TS_LABELS(device, "write")),
		.requests =
			(double)ts_window_counter(w, TS_FAMILY_DISK_REQUESTS, TS_LABELS(device)),
		.busy = ts_window_seconds(w, TS_FAMILY_DISK_BUSY, TS_LABELS(device)),
	};
}

/* More than all those times together take is written for another reason. */
static bool is_caused_by_reads(const struct ts_rule_context *context, const struct accesses *a)
{
	return a->read >= context->threshold[UPDATES] &&
	       a->read >= context->threshold[SHARE] * (a->read + a->other) &&
	       a->bytes >= context->threshold[WRITTEN] && a->bytes <= UPDATE_BYTES * a->read;
}

static void leave_times_alone(struct ts_rule_context *context, const struct accesses *a)
{
	struct ts_finding *f = ts_finding_new(context, TS_OUTCOME_RECOMMEND);
	const char *const labels[TS_LABELS_MAX] = {a->device, a->mount, "read"};
	const char *const writes[TS_LABELS_MAX] = {a->device, "write"};

	ts_finding_propose(context, f, TS_SETTING_MOUNT_ATIME, a->mount, "noatime");
	f->scope = TS_SCOPE_DEVICE;
	f->device = ts_arena_intern(context->report->arena, a->device);
	ts_finding_identify(context, f, f->setting, "port");
	f->title = ts_text(context, "Reading files of %s makes %s write: each access is noted",
			   a->mount, a->device);
	f->computed =
		ts_text(context,
			"%.0f %% of the inodes that had to be written were only read; noatime "
			"writes none of those, relatime (what the kernel does by itself) one a "
			"day",
			100 * a->read / (a->read + a->other));
	f->expect = ts_text(context, "up to %s a second less written to %s",
			    ts_rule_bytes_text(context, a->bytes / context->window->seconds),
			    a->device);
	f->remedy = "Write the option into /etc/fstab as well. relatime is enough where programs "
		    "look at access times.";
	f->confidence = 0.85;
	ts_finding_judged(context, f, TS_FAMILY_INODE_UPDATES, labels,
			  "inodes to be written because they were read", a->read, "inodes",
			  (__u64)a->read, context->threshold[UPDATES]);
	ts_finding_evidence(
		context, f, TS_FAMILY_INODE_UPDATES, TS_LABELS(a->device, a->mount, "other"),
		"inodes to be written for another reason", a->other, "inodes", (__u64)a->other);
	ts_finding_judged(context, f, TS_FAMILY_DISK_BYTES, writes, "written to the device",
			  a->bytes, "bytes", (__u64)a->writes, context->threshold[WRITTEN]);
	f->harm = a->requests > 0 ? a->busy * a->writes / a->requests : 0;
	f->harm_unit = "seconds the device was busy with writes";
	f->harm_seconds = f->harm;
}

static enum ts_outcome judge(struct ts_rule_context *context)
{
	double most = 0;
	bool found = false;

	ts_for_each_series (s, context->window, TS_FAMILY_INODE_UPDATES) {
		struct accesses a;

		if (strcmp(s->label[2], "read"))
			continue;
		a = measure(context, s);
		most = fmax(most, a.read);
		if (is_caused_by_reads(context, &a)) {
			leave_times_alone(context, &a);
			found = true;
		}
	}
	if (found)
		return TS_OUTCOME_QUIET;
	return ts_rule_without_finding(
		context, TS_OUTCOME_QUIET,
		"at most %.0f inodes of a file system had to be written because they were read "
		"(threshold %.0f), or more was written for other reasons",
		most, context->threshold[UPDATES]);
}

const struct ts_rule ts_rule_access_times = {
	.id = "access-times",
	.title = "Reads that make a device write",
	.needs = {TS_FAMILY_INODE_UPDATES, TS_FAMILY_DISK_REQUESTS, TS_FAMILY_DISK_BYTES,
		  TS_FAMILY_DISK_BUSY, TS_FAMILY_COUNT},
	.settings = {TS_SETTING_MOUNT_ATIME, TS_SETTING_COUNT},
	.thresholds =
		{[UPDATES] =
			 {"updates", 100, 1, 1e9, "inodes",
			  "inodes to be written because they were read, during the window, from "
			  "which on it is a symptom"},
		 [SHARE] = {"read_share", 0.8, 0.1, 1, "share of the inodes",
			    "those among all that had to be written on the file system"},
		 [WRITTEN] = {"written_bytes", 65536, 1, 1e15, "bytes",
			      "written to the device during the window; below that it is left "
			      "alone"}},
	.judge = judge,
	.explanation =
		"A file system mounted with strictatime notes each access: reading a file changes "
		"its inode, which then has to be written, and with a journal twice.\n"
		"Convicts the option: inodes are dirtied by reads, hardly for other reasons, and "
		"the device writes, but no more than those inodes take.\n"
		"Acquits it: relatime (the kernel's default) and noatime are not even looked at; "
		"files that are written as well; more written than access times take.\n"
		"noatime writes none of them. Programs that compare access times (some mail "
		"readers, cleaners of temporary files) no longer see what was read; relatime "
		"serves those.\n"
		"File systems that tell nobody when an inode changes (xfs, btrfs) are not seen, "
		"and neither are those mounted after tunescope was started.",
	.reference = "touch_atime(), __mark_inode_dirty(); mount(8)",
};
