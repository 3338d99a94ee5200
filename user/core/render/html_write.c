// SPDX-License-Identifier: GPL-2.0-only
#include "html_write.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "escape.h"
#include "units.h"
#include "../arena.h"
#include "../rule.h"

void ts_html_put(const struct ts_html *html, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(html->out, format, arguments);
	va_end(arguments);
}

/* Copies text; each character that the table names is replaced. */
static const char *replace(struct ts_arena *arena, const char *text, const char *special,
			   const char *const *with)
{
	size_t length = 1;
	char *copy, *out;

	for (const char *c = text; *c; c++) {
		const char *found = strchr(special, *c);

		length += found ? strlen(with[found - special]) : 1;
	}
	copy = out = ts_arena_alloc(arena, length);
	for (const char *c = text; *c; c++) {
		const char *found = strchr(special, *c);

		if (found)
			out = stpcpy(out, with[found - special]);
		else
			*out++ = *c;
	}
	*out = '\0';
	return copy;
}

/* U+FFFE and U+FFFF are no characters in XML. */
static const char *without_noncharacters(struct ts_arena *arena, const char *text)
{
	char *copy, *at;

	if (!strstr(text, "\xef\xbf"))
		return text;
	copy = at = ts_arena_strdup(arena, text);
	while ((at = strstr(at, "\xef\xbf"))) {
		if (at[2] == '\xbe' || at[2] == '\xbf')
			at[2] = '\xbd';
		at += 2;
	}
	return copy;
}

static const char *visible(const struct ts_html *html, const char *text)
{
	return without_noncharacters(html->arena, ts_escape(html->arena, text ? text : "", true));
}

const char *ts_html_safe(const struct ts_html *html, const char *text)
{
	static const char *const with[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	return replace(html->arena, visible(html, text), "&<>\"'", with);
}

const char *ts_html_json(const struct ts_html *html, const char *text)
{
	static const char *const with[] = {"\\u0026", "\\u003c", "\\u003e",
					   "\\u0027", "\\\"",	 "\\\\"};

	return ts_html_text(html, "\"%s\"",
			    replace(html->arena, visible(html, text), "&<>'\"\\", with));
}

void ts_html_number(const struct ts_html *html, double value)
{
	if (!isfinite(value))
		fputs("null", html->out);
	else if (value == 0)
		fputs("0", html->out);
	else
		fprintf(html->out, "%.3g", value);
}

const char *ts_html_time(const struct ts_html *html, __u64 at_ns)
{
	const char *utc = ts_utc_time(html->arena, at_ns);
	char *readable = ts_arena_strdup(html->arena, utc), *t = strchr(readable, 'T');

	if (t)
		*t = ' ';
	readable[strlen(readable) - 1] = '\0';
	return ts_html_text(html, "<time datetime=\"%s\">%s</time>", utc, readable);
}

const char *ts_html_range(const struct ts_html *html, __u64 from_ns, __u64 to_ns)
{
	const char *from = ts_utc_time(html->arena, from_ns), *to = ts_utc_time(html->arena, to_ns);
	const char *day = strchr(to, 'T');

	if (!day || strncmp(from, to, (size_t)(day - to)))
		return ts_html_text(html, "%s – %s", ts_html_time(html, from_ns),
				    ts_html_time(html, to_ns));
	return ts_html_text(html, "%s – <time class=\"end\" datetime=\"%s\">%.8s</time>",
			    ts_html_time(html, from_ns), to, day + 1);
}

const char *ts_html_value(const struct ts_html *html, double value, const char *unit)
{
	const char *rate = strstr(unit, "/s") ? "/s" : "";

	if (!isfinite(value))
		return "–";
	if (*unit == 's')
		return ts_html_text(html, "%s%s", ts_human_seconds(html->arena, value), rate);
	if (*unit == 'B')
		return ts_html_text(html, "%s%s", ts_human_bytes(html->arena, value), rate);
	if (*unit == '%')
		return ts_html_text(html, "%.*f %%", fabs(value) < 9.995 ? 2 : 1, value);
	if (value != 0 && fabs(value) < 0.01)
		return ts_html_text(html, "%.2g%s", value, rate);
	return ts_html_text(html, "%s%s", ts_human_number(html->arena, value), rate);
}

/* 0, 12, 1.5, 0.25: as few digits as a round number has. */
static const char *few_digits(const struct ts_html *html, double value, const char *unit)
{
	return ts_html_text(html, value < 999.5 ? "%.3g%s%s" : "%.0f%s%s", value, *unit ? " " : "",
			    unit);
}

const char *ts_html_short(const struct ts_html *html, double value, const char *unit)
{
	static const struct {
		char unit;
		double size;
		const char *name;
	} steps[] = {{'s', 1, "s"},	   {'s', 1e-3, "ms"},
		     {'s', 1e-6, "us"},	   {'s', 1e-9, "ns"},
		     {'B', 0x1p40, "TiB"}, {'B', 0x1p30, "GiB"},
		     {'B', 0x1p20, "MiB"}, {'B', 0x1p10, "KiB"},
		     {'B', 1, "B"},	   {'%', 0, "%"},
		     {0, 1e9, "G"},	   {0, 1e6, "M"},
		     {0, 1e3, "k"},	   {0, 0, ""}};
	char kind = strchr("sB%", *unit) ? *unit : 0;
	const char *rate = strstr(unit, "/s") ? "/s" : "";

	if (value == 0)
		return "0";
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (steps[i].unit == kind && fabs(value) >= steps[i].size * 0.9995)
			return ts_html_text(
				html, "%s%s",
				few_digits(html, value / (steps[i].size > 0 ? steps[i].size : 1),
					   steps[i].name),
				rate);
	return ts_html_value(html, value, unit);
}

static const struct ts_timeline_netns *netns_of(const struct ts_html *html, const char *inode)
{
	for (size_t i = 0; i < html->timeline->netns_count; i++)
		if (!strcmp(html->timeline->netns[i].last.inode, inode))
			return &html->timeline->netns[i];
	return NULL;
}

/*
 * Several namespaces, one after the other, that the kernel gave the same number: the first and the
 * last of them.
 */
static const char *netns_names(const struct ts_html *html, const struct ts_timeline_netns *netns)
{
	return ts_html_text(html, "%s%s%s", netns->earlier[0],
			    netns->earlier_count > 1 ? "/…/" : "/", netns->last.name);
}

const char *ts_html_netns(const struct ts_html *html, const char *inode)
{
	const struct ts_timeline_netns *netns = netns_of(html, inode);

	if (netns && netns->last.initial)
		return "";
	if (netns && netns->earlier_count)
		return netns_names(html, netns);
	if (netns && *netns->last.name)
		return netns->last.name;
	if (netns && *netns->last.comm)
		return ts_html_text(html, "netns of %s", netns->last.comm);
	return ts_html_text(html, "netns %s", inode);
}

static const char *label_text(const struct ts_html *html, const char *key, const char *value)
{
	static const char *const prefixed[] = {"port", "cpu", "depth", "writes"};
	static const char *const prefix[] = {"port ", "CPU ", "depth up to ", "writes in flight "};

	if (!*value)
		return "";
	if (!strcmp(key, "netns"))
		return strcmp(value, "other") ? ts_html_netns(html, value) : value;
	for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++)
		if (!strcmp(key, prefixed[i]))
			return ts_html_text(html, "%s%s", prefix[i], value);
	return value;
}

const char *ts_html_labels(const struct ts_html *html, enum ts_family_id id,
			   const char *const *label)
{
	const struct ts_family *family = &ts_families[id];
	const char *text = "";
	bool other = family->labels > 0;

	for (size_t i = 0; i < family->labels; i++)
		other = other && !strcmp(label[i], "other");
	if (other)
		return "other (no slot left)";
	for (size_t i = 0; i < family->labels; i++) {
		const char *part = label_text(html, family->label_key[i], label[i]);

		if (*part)
			text = ts_html_text(html, "%s%s%s", text, *text ? ", " : "", part);
	}
	return *text ? text : "all";
}

const char *ts_html_scope(const struct ts_html *html, enum ts_setting_id id, const char *scope)
{
	const char *netns;

	if (ts_settings[id].scope != TS_SCOPE_NETNS || !*scope)
		return scope;
	netns = ts_html_netns(html, scope);
	return *netns ? netns : "initial network namespace";
}
