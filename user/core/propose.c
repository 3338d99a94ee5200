// SPDX-License-Identifier: GPL-2.0-only
/*
 * The proposal of a setting: current value, commands to apply and undo it. Names of devices and
 * namespaces come from the kernel and from other users; a command is made only of what is safe to
 * paste, or not at all.
 */
#include "rule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./:=@%+,";

	return *text && !text[strspn(text, plain)];
}

/* A word for the shell, or NULL when it has control characters: no quoting makes those safe to
 * paste. */
static const char *shell_word(struct ts_rule_context *context, const char *text)
{
	char *quoted, *at;

	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c) || (unsigned char)*c >= 0x80)
			return NULL;
	if (is_plain(text))
		return text;
	at = quoted = ts_arena_alloc(context->report->arena, 4 * strlen(text) + 3);
	*at++ = '\'';
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			at = stpcpy(at, "'\\''");
		else
			*at++ = *c;
	}
	*at++ = '\'';
	return quoted;
}

/* One component of a path. */
static bool is_file_name(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

/* "", "nsenter … " or NULL when there is no way into the namespace. */
static const char *enter_netns(struct ts_rule_context *context, const char *inode)
{
	const struct ts_netns *netns = ts_window_netns(context->window, inode);
	const char *path;

	if (!netns)
		return NULL;
	if (netns->initial)
		return "";
	if (is_file_name(netns->name)) {
		path = shell_word(context, ts_text(context, "/run/netns/%s", netns->name));
		if (path)
			return ts_text(context, "nsenter --net=%s ", path);
	}
	return netns->pid > 0 ? ts_text(context, "nsenter -t %d -n ", netns->pid) : NULL;
}

/* key=value as an argument of sysctl -w. */
static const char *assignment(struct ts_rule_context *context, const char *key, const char *value)
{
	const char *word = shell_word(context, value);

	if (!word)
		return NULL;
	if (word == value)
		return ts_text(context, "%s=%s", key, value);
	/* Numbers and blanks: double quotes read better, and nothing in them needs escaping. */
	if (!value[strspn(value, "0123456789 ")])
		return ts_text(context, "%s=\"%s\"", key, value);
	return ts_text(context, "%s=%s", key, word);
}

static const char *sysctl_command(struct ts_rule_context *context, const struct ts_setting *setting,
				  const char *scope, const char *value)
{
	const char *enter = setting->scope == TS_SCOPE_NETNS ? enter_netns(context, scope) : "";
	const char *argument = assignment(context, setting->name, value);

	if (!enter || !argument)
		return "";
	return ts_text(context, "%ssysctl -w %s", enter, argument);
}

static const char *setting_path(struct ts_rule_context *context, const struct ts_setting *setting,
				const char *scope)
{
	const char *hole = strstr(setting->path, "%s");

	if (!hole)
		return setting->path;
	return ts_text(context, "%.*s%s%s", (int)(hole - setting->path), setting->path, scope,
		       hole + 2);
}

/* The scope of a receive queue is NETNS/DEVICE. */
static const char *device_of(const struct ts_setting *setting, const char *scope)
{
	const char *slash = setting->kind == TS_SETTING_NET_QUEUE ? strchr(scope, '/') : NULL;

	return slash ? slash + 1 : scope;
}

static const char *netns_of(struct ts_rule_context *context, const char *scope)
{
	return ts_text(context, "%.*s", (int)strcspn(scope, "/"), scope);
}

/* What a namespace has of /sys/class/net shows only in a /sys that was mounted there. */
static const char *queue_command(struct ts_rule_context *context, const struct ts_setting *setting,
				 const char *scope, const char *value)
{
	const char *device = device_of(setting, scope);
	const char *path = setting_path(context, setting, device);
	const char *enter = enter_netns(context, netns_of(context, scope));

	if (!enter || !is_plain(path) || !is_plain(value) || !is_file_name(device))
		return "";
	if (!*enter)
		return ts_text(context, "echo %s > %s", value, path);
	return ts_text(context,
		       "%sunshare --mount sh -c 'mount -t sysfs sysfs /sys && echo %s > %s'", enter,
		       value, path);
}

static const char *file_command(struct ts_rule_context *context, const struct ts_setting *setting,
				const char *scope, const char *value)
{
	const char *path = shell_word(context, setting_path(context, setting, scope));
	const char *word = shell_word(context, value);

	if (!path || !word || (setting->scope == TS_SCOPE_DEVICE && !is_file_name(scope)))
		return "";
	return ts_text(context, "echo %s > %s", word, path);
}

static const char *mount_command(struct ts_rule_context *context, const char *mount,
				 const char *value)
{
	const char *path = *mount == '/' ? shell_word(context, mount) : NULL;
	const char *word = shell_word(context, value);

	return path && word ? ts_text(context, "mount -o remount,%s %s", word, path) : "";
}

static const char *write_command(struct ts_rule_context *context, enum ts_setting_id id,
				 const char *scope, const char *value)
{
	const struct ts_setting *setting = &ts_settings[id];

	switch (setting->kind) {
	case TS_SETTING_SYSCTL: return sysctl_command(context, setting, scope, value);
	case TS_SETTING_MOUNT: return mount_command(context, scope, value);
	case TS_SETTING_NET_QUEUE: return queue_command(context, setting, scope, value);
	default: return file_command(context, setting, scope, value);
	}
}

static const char *current_value(struct ts_rule_context *context, enum ts_setting_id id,
				 const char *scope)
{
	const struct ts_setting_value *value = ts_window_setting(context->window, id, scope);

	/* Only those with this option are looked at (user/live/atime.c). */
	if (id == TS_SETTING_MOUNT_ATIME)
		return "strictatime";
	return value && value->status == TS_STATUS_OK
		       ? ts_arena_intern(context->report->arena, value->value)
		       : "";
}

/* Of keys that change together the one that was written need not be the one that is proposed. */
static bool another_moved(struct ts_rule_context *context, enum ts_setting_id id, const char *scope)
{
	const size_t others = sizeof ts_settings[id].coupled / sizeof *ts_settings[id].coupled;

	for (size_t i = 0; i < others && ts_settings[id].coupled[i] != TS_SETTING_COUNT; i++) {
		const struct ts_setting_value *value =
			ts_window_setting(context->window, ts_settings[id].coupled[i], scope);

		if (value && *value->before)
			return true;
	}
	return false;
}

/*
 * Who has moved it away from where it should be has made what was seen; who has moved it there may
 * have mended that. A number below the least there is says that nothing, or another key, limits
 * it: how much that is is not known, but much.
 */
static bool was_moved(struct ts_rule_context *context, enum ts_setting_id id, const char *scope,
		      const char *proposed)
{
	const struct ts_setting_value *value = ts_window_setting(context->window, id, scope);

	if (!value || !*value->before)
		return another_moved(context, id, scope);
	if (ts_settings[id].arity && strtod(value->value, NULL) < ts_settings[id].minimum)
		return true;
	if (ts_settings[id].arity && strtod(value->before, NULL) < ts_settings[id].minimum)
		return strtod(proposed, NULL) < strtod(value->value, NULL);
	return ts_values_opposed(value->value, proposed, value->before);
}

/*
 * The key to write back: a value that cannot be written (dirty_bytes reads 0 while dirty_ratio is
 * in force) comes back by writing the form that was in force.
 */
static enum ts_setting_id undo_key(struct ts_rule_context *context, enum ts_setting_id id,
				   const char *scope)
{
	const char *current = current_value(context, id, scope);

	if (ts_settings[id].arity == 1 && ts_settings[id].coupled[0] != TS_SETTING_COUNT &&
	    *current && strtod(current, NULL) < ts_settings[id].minimum)
		return ts_settings[id].coupled[0];
	return id;
}

static const char *undo_command(struct ts_rule_context *context, enum ts_setting_id id,
				const char *scope)
{
	enum ts_setting_id key = undo_key(context, id, scope);
	const char *current = current_value(context, key, scope);

	return *current ? write_command(context, key, scope, current) : "";
}

/* As its user knows it. */
static const char *setting_text(struct ts_rule_context *context, const struct ts_setting *setting,
				const char *scope)
{
	if (setting->kind == TS_SETTING_SYSCTL)
		return setting->name;
	if (setting->kind == TS_SETTING_MOUNT) /* mount/srv/data/atime */
		return ts_text(context, "mount%s/%s", strcmp(scope, "/") ? scope : "",
			       strchr(setting->name, '/') + 1);
	return setting_path(context, setting, device_of(setting, scope));
}

void ts_finding_propose(struct ts_rule_context *context, struct ts_finding *finding,
			enum ts_setting_id id, const char *scope, const char *proposed)
{
	const struct ts_setting *setting = &ts_settings[id];

	scope = ts_arena_intern(context->report->arena, scope);
	finding->setting = setting_text(context, setting, scope);
	finding->scope = setting->scope;
	if (setting->scope == TS_SCOPE_NETNS) {
		const struct ts_netns *netns = ts_window_netns(context->window, scope);

		finding->netns = scope;
		if (!finding->pid && netns && netns->pid > 0) {
			finding->pid = netns->pid;
			finding->comm = ts_arena_intern(context->report->arena, netns->comm);
		}
	}
	if (setting->scope == TS_SCOPE_DEVICE)
		finding->device = device_of(setting, scope);
	if (setting->kind == TS_SETTING_NET_QUEUE)
		finding->netns = netns_of(context, scope);
	finding->current = current_value(context, id, scope);
	finding->moved = was_moved(context, id, scope, proposed);
	finding->proposed = proposed;
	finding->risk = setting->risk;
	finding->takes_effect = ts_takes_effect_name(setting->takes_effect);
	finding->apply = write_command(context, id, scope, proposed);
	finding->undo = undo_command(context, id, scope);
}

/* Two commands in one: arguments of the second sysctl join those of the first. */
static const char *join(struct ts_rule_context *context, const char *first, const char *second)
{
	static const char verb[] = "sysctl -w ";

	if (!*first || !*second)
		return "";
	if (!strncmp(first, verb, sizeof verb - 1) && !strncmp(second, verb, sizeof verb - 1))
		return ts_text(context, "%s %s", first, second + sizeof verb - 1);
	return ts_text(context, "%s && %s", first, second);
}

void ts_finding_propose_coupled(struct ts_rule_context *context, struct ts_finding *finding,
				enum ts_setting_id id, const char *scope, const char *proposed)
{
	finding->apply = join(context, finding->apply, write_command(context, id, scope, proposed));
	finding->undo = join(context, finding->undo, undo_command(context, id, scope));
}
