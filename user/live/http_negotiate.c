// SPDX-License-Identifier: GPL-2.0-only
/* What a client accepts. */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The next element of a list separated by commas: its first word, and its q (1 without one). */
struct element {
	const char *name;
	size_t length;
	double quality;
};

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

static bool next_element(const char **list, struct element *element)
{
	const char *at = skip_blanks(*list), *end = at + strcspn(at, ","), *parameter;

	if (!*at)
		return false;
	*element = (struct element){.name = at, .length = strcspn(at, ",; \t"), .quality = 1};
	for (parameter = memchr(at, ';', (size_t)(end - at)); parameter;
	     parameter = memchr(parameter + 1, ';', (size_t)(end - parameter - 1))) {
		const char *name = skip_blanks(parameter + 1);

		if (end - name >= 3 && (*name == 'q' || *name == 'Q') && name[1] == '=')
			element->quality = strtod(name + 2, NULL);
	}
	*list = *end ? end + 1 : end;
	return true;
}

static bool is(const struct element *element, const char *name)
{
	return element->length == strlen(name) &&
	       !strncasecmp(element->name, name, element->length);
}

/* The newer format for who asks for it by name, and does not prefer the other one. */
enum ts_http_question ts_http_accepted(const char *accept)
{
	double newer = 0, older = 0;
	struct element element;

	while (accept && next_element(&accept, &element)) {
		double *quality = is(&element, "application/openmetrics-text") ? &newer : NULL;

		if (is(&element, "text/plain") || is(&element, "text/*"))
			quality = &older;
		if (quality && element.quality > *quality)
			*quality = element.quality;
	}
	return newer > 0 && newer >= older ? TS_HTTP_OPENMETRICS : TS_HTTP_PROMETHEUS;
}

bool ts_http_takes_gzip(const char *accept_encoding)
{
	struct element element;

	while (accept_encoding && next_element(&accept_encoding, &element))
		if (is(&element, "gzip"))
			return element.quality > 0;
	return false;
}
