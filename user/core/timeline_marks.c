// SPDX-License-Identifier: GPL-2.0-only
/* What happened to the recording, to the host's settings and namespaces: marks and outages. */
#include "timeline_build.h"

#include <math.h>
#include <string.h>

#include "arena.h"

#define MARKS_MAX	   2000
#define OUTAGES_MAX	   2000
#define CLOCK_STEP_SECONDS 1.0

static void add_mark(struct ts_timeline *timeline, struct ts_mark mark)
{
	if (timeline->marks == MARKS_MAX) {
		timeline->marks_left_out++;
		return;
	}
	timeline->mark = ts_arena_grow(timeline->arena, timeline->mark, timeline->marks,
				       &timeline->marks_capacity, sizeof *timeline->mark);
	mark.name = ts_arena_intern(timeline->arena, mark.name);
	mark.scope = ts_arena_intern(timeline->arena, mark.scope);
	mark.from = ts_arena_intern(timeline->arena, mark.from);
	mark.to = ts_arena_intern(timeline->arena, mark.to);
	timeline->mark[timeline->marks++] = mark;
}

/* Wall clock minus boot time, in seconds: constant but for steps and the slow pace of NTP. */
static double clock_offset(const struct ts_frame_header *header)
{
	return (double)(__s64)(header->realtime_ns - header->boottime_ns) / 1e9;
}

void ts_timeline_mark_frame(struct ts_timeline_builder *builder, const struct ts_frame_place *place,
			    const struct ts_window *window)
{
	struct ts_timeline *timeline = builder->timeline;
	const char *boot_id = window->delta->host.boot_id;
	bool new_session = !builder->begun || builder->header.session != place->header.session;
	bool booted;
	double step;

	if (!boot_id || !*boot_id)
		boot_id = builder->boot_id;
	booted = *builder->boot_id && strcmp(boot_id, builder->boot_id);
	if (new_session)
		add_mark(timeline, (struct ts_mark){
					   .kind = booted ? TS_MARK_BOOT : TS_MARK_SESSION,
					   .at_ns = place->start_ns,
					   .from = booted ? timeline->host.kernel : "",
					   .to = booted ? window->delta->host.kernel : "",
				   });
	step = builder->begun ? clock_offset(&place->header) - clock_offset(&builder->header) : 0;
	if (!booted && fabs(step) > CLOCK_STEP_SECONDS)
		add_mark(timeline, (struct ts_mark){
					   .kind = TS_MARK_CLOCK,
					   .at_ns = place->end_ns,
					   .seconds = step,
				   });
	builder->boot_id = ts_arena_intern(timeline->arena, boot_id);
}

/* They stand in the same order nearly always: look behind the last one found first. */
static struct ts_timeline_netns *known_netns(struct ts_timeline *timeline, const char *inode,
					     size_t *hint)
{
	for (size_t n = 0; n < timeline->netns_count; n++) {
		size_t i = (*hint + n) % timeline->netns_count;

		if (!strcmp(timeline->netns[i].last.inode, inode)) {
			*hint = i + 1;
			return &timeline->netns[i];
		}
	}
	return NULL;
}

/* A process without a name of its namespace says little: it may be another one of the same. */
static bool is_another(const struct ts_netns *before, const struct ts_netns *now)
{
	return *before->name && *now->name && strcmp(before->name, now->name);
}

static void note_name(struct ts_timeline_netns *known, const char *name)
{
	for (size_t i = 0; i < known->earlier_count && i < TS_NETNS_EARLIER; i++)
		if (!strcmp(known->earlier[i], name))
			return;
	if (known->earlier_count < TS_NETNS_EARLIER)
		known->earlier[known->earlier_count] = name;
	known->earlier_count++;
}

/* The last ones known stay: a namespace may have gone when the recording ends. */
void ts_timeline_take_netns(struct ts_timeline *timeline, const struct ts_window *window)
{
	const struct ts_snapshot *delta = window->delta;
	struct ts_arena *arena = timeline->arena;
	size_t hint = 0;

	for (size_t i = 0; i < delta->netns_count; i++) {
		const struct ts_netns *from = &delta->netns[i];
		struct ts_timeline_netns *known = known_netns(timeline, from->inode, &hint);

		if (!known) {
			timeline->netns =
				ts_arena_grow(arena, timeline->netns, timeline->netns_count,
					      &timeline->netns_capacity, sizeof *timeline->netns);
			known = &timeline->netns[timeline->netns_count++];
			*known = (struct ts_timeline_netns){0};
		} else if (!strcmp(known->last.comm, from->comm) &&
			   !strcmp(known->last.name, from->name)) {
			continue;
		} else if (is_another(&known->last, from)) {
			note_name(known, known->last.name);
		}
		known->last = *from;
		known->last.inode = ts_arena_intern(arena, from->inode);
		known->last.name = ts_arena_intern(arena, from->name);
		known->last.comm = ts_arena_intern(arena, from->comm);
	}
}

/* The namespace that this number stands for now is not the one it stood for in the frame before. */
static bool is_another_netns(struct ts_timeline *timeline, const struct ts_snapshot *delta,
			     const char *inode)
{
	size_t hint = 0;
	const struct ts_timeline_netns *known = known_netns(timeline, inode, &hint);

	for (size_t i = 0; known && i < delta->netns_count; i++)
		if (!strcmp(delta->netns[i].inode, inode))
			return is_another(&known->last, &delta->netns[i]);
	return false;
}

/* Settings stand in the same order nearly always: look behind the last one found first. */
static struct ts_timeline_setting *known_setting(struct ts_timeline *timeline,
						 const struct ts_setting_value *value, size_t *hint)
{
	for (size_t n = 0; n < timeline->settings; n++) {
		size_t i = (*hint + n) % timeline->settings;
		struct ts_timeline_setting *setting = &timeline->setting[i];

		if (setting->id == value->id && !strcmp(setting->scope, value->scope)) {
			*hint = i + 1;
			return setting;
		}
	}
	return NULL;
}

static void new_setting(struct ts_timeline *timeline, const struct ts_setting_value *value)
{
	struct ts_arena *arena = timeline->arena;

	timeline->setting = ts_arena_grow(arena, timeline->setting, timeline->settings,
					  &timeline->settings_capacity, sizeof *timeline->setting);
	timeline->setting[timeline->settings++] = (struct ts_timeline_setting){
		.id = value->id,
		.scope = ts_arena_intern(arena, value->scope),
		.value = ts_arena_intern(arena, value->value),
		.why = ts_arena_intern(arena, value->why),
		.status = value->status,
		.at_end = true,
	};
}

/* It is there now, was there in the context before, and belongs to the same thing. */
static bool was_changed(struct ts_timeline *timeline, const struct ts_snapshot *delta,
			const struct ts_timeline_setting *setting,
			const struct ts_setting_value *value)
{
	if (!setting->was_there || setting->status != TS_STATUS_OK)
		return false;
	return ts_settings[value->id].scope != TS_SCOPE_NETNS ||
	       !is_another_netns(timeline, delta, value->scope);
}

bool ts_timeline_take_settings(struct ts_timeline_builder *builder, __u64 at_ns,
			       const struct ts_window *window)
{
	struct ts_timeline *timeline = builder->timeline;
	const struct ts_snapshot *delta = window->delta;
	size_t hint = 0;
	bool any = false, changed = false;

	/* When the context is lost nothing is known: that changes nothing. */
	for (size_t i = 0; i < delta->settings && !any; i++)
		any = delta->setting[i].status == TS_STATUS_OK;
	if (!any && timeline->settings)
		return false;
	for (size_t i = 0; i < timeline->settings; i++) {
		timeline->setting[i].was_there = timeline->setting[i].at_end;
		timeline->setting[i].at_end = false;
	}
	for (size_t i = 0; i < delta->settings; i++) {
		const struct ts_setting_value *value = &delta->setting[i];
		struct ts_timeline_setting *setting = known_setting(timeline, value, &hint);

		if (!setting) {
			new_setting(timeline, value);
			continue;
		}
		setting->at_end = true;
		if (value->status != TS_STATUS_OK)
			continue;
		if (strcmp(setting->value, value->value) || !setting->was_there)
			changed = true;
		if (strcmp(setting->value, value->value) &&
		    was_changed(timeline, delta, setting, value)) {
			add_mark(timeline, (struct ts_mark){
						   .kind = TS_MARK_SETTING,
						   .at_ns = at_ns,
						   .name = ts_settings[value->id].name,
						   .setting = value->id,
						   .scope = value->scope,
						   .from = setting->value,
						   .to = value->value,
					   });
			setting->changes++;
		}
		setting->status = TS_STATUS_OK;
		setting->value = ts_arena_intern(timeline->arena, value->value);
	}
	return changed;
}

/* The outage this frame goes on with: the open one, or an earlier one for the same reason. */
static struct ts_outage *outage_of(struct ts_timeline_builder *builder, enum ts_family_id id,
				   enum ts_status status, const char *why)
{
	struct ts_timeline *timeline = builder->timeline;
	struct ts_outage *outage;

	if (builder->outage[id]) {
		outage = &timeline->outage[builder->outage[id] - 1];
		if (outage->status == status && !strcmp(outage->why, why))
			return outage;
	}
	for (size_t i = 0; i < timeline->outages; i++) {
		outage = &timeline->outage[i];
		if (outage->family == id && outage->status == status && !strcmp(outage->why, why)) {
			builder->outage[id] = i + 1;
			return outage;
		}
	}
	if (timeline->outages == OUTAGES_MAX)
		return NULL;
	timeline->outage = ts_arena_grow(timeline->arena, timeline->outage, timeline->outages,
					 &timeline->outages_capacity, sizeof *timeline->outage);
	outage = &timeline->outage[timeline->outages++];
	*outage = (struct ts_outage){
		.family = id,
		.status = status,
		.why = ts_arena_intern(timeline->arena, why),
	};
	builder->outage[id] = timeline->outages;
	return outage;
}

void ts_timeline_take_outages(struct ts_timeline_builder *builder,
			      const struct ts_frame_place *place, const struct ts_window *window)
{
	ts_for_each_family (id) {
		const struct ts_family_data *data = &window->delta->family[id];
		struct ts_outage *outage;

		if (ts_status_measured(data->status))
			continue;
		outage = outage_of(builder, id, data->status, data->why ? data->why : "");
		if (!outage)
			continue;
		if (!outage->end_ns)
			outage->start_ns = place->start_ns;
		outage->end_ns = place->end_ns;
		outage->seconds += window->seconds;
	}
}
