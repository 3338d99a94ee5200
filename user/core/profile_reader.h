/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files profile*.c share: a profile being read. */
#ifndef TUNESCOPE_PROFILE_READER_H
#define TUNESCOPE_PROFILE_READER_H

#include "profile.h"

#define TS_PROFILE_MESSAGE_MAX 1600
#define TS_PROFILE_ENABLED_KEY "enabled"

/* A key's text, and where it stands; line 0: it does not. */
struct ts_profile_entry {
	char text[TS_OBJECTIVE_WHERE_MAX];
	int line;
};

#define TS_OBJECTIVE_KEYS_MAX 10

/* The [objective] that is being read: its keys may come in any order, and depend on each other. */
struct ts_objective_reader {
	char name[TS_OBJECTIVE_NAME_MAX];
	int line; /* of its section; 0: there is none */
	struct ts_profile_entry entry[TS_OBJECTIVE_KEYS_MAX];
	bool read[TS_OBJECTIVES_MAX]; /* by index in the profile: it came from this text */
};

struct ts_profile_reader {
	const char *next; /* text not yet given to inih */
	int line;	  /* number of the line given last */
	int error_line;	  /* first mistake that is not one of INI syntax; 0: none */
	char message[TS_PROFILE_MESSAGE_MAX];
	struct ts_profile profile;
	bool seen[TS_RULES_MAX][TS_RULE_THRESHOLDS_MAX + 1]; /* the last one is `enabled` */
	bool seen_alerts[2];
	struct ts_objective_reader objective;
};

/* Keeps the first mistake, at the line read last or at another; 0 is what inih wants for an error.
 */
int ts_profile_mistake(struct ts_profile_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int ts_profile_mistake_at(struct ts_profile_reader *reader, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The names something may have, collected into one message. */
struct ts_candidates {
	const char *wanted, *nearest;
	size_t nearest_distance;
	char list[TS_PROFILE_MESSAGE_MAX / 2];
};
void ts_candidate(struct ts_candidates *all, const char *name);
int ts_candidates_mistake(struct ts_profile_reader *reader, int line, const char *what,
			  const struct ts_candidates *all);

/* yes, no, true, false, on, off, 1, 0; false when it is none of them. */
bool ts_profile_yes_or_no(const char *text, bool *value);

/* "500ms", "5m", "2.5" (seconds); false when it is no duration. */
bool ts_profile_duration(const char *text, double *seconds);

/* --- profile_settings.c */

#define TS_SETTINGS_SECTION "settings"
int ts_settings_key(struct ts_profile_reader *reader, const char *key, const char *value);

/* --- profile_objective.c */

void ts_profile_default_objectives(struct ts_profile *profile);

/* The name in "objective NAME"; NULL when the section is another. */
const char *ts_objective_section(const char *section);

/* A line with [objective NAME] has been read; a key in it; its end (also when there is none). */
void ts_objective_begin(struct ts_profile_reader *reader, const char *name);
int ts_objective_key(struct ts_profile_reader *reader, const char *key, const char *value);
void ts_objective_end(struct ts_profile_reader *reader);

#endif
