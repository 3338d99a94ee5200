/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the export command. */
#ifndef TUNESCOPE_EXPORT_H
#define TUNESCOPE_EXPORT_H

#include <stdbool.h>
#include <stdio.h>
#include "../core/profile.h"
#include "../core/render/openmetrics.h"
#include "collect_arguments.h"

struct ts_option_names;

struct ts_export_options {
	const char *listen;
	const char *textfile; /* NULL: serve over HTTP */
	double interval;      /* of the text file */
	bool once;
	double window; /* findings are about so many seconds */
	double max_series;
	const char *profile_name;
	struct ts_profile profile;
	struct ts_collect_arguments measure;
};

/* --- export_collect.c: snapshots, windows, findings, texts */

struct ts_exporter;
/*
 * Opens the collector and gives up the privileges that are then not needed any more, but for those
 * to write in directory (NULL: none). NULL after a message.
 */
struct ts_exporter *ts_exporter_open(const struct ts_export_options *options,
				     const char *directory);
void ts_exporter_close(struct ts_exporter *exporter); /* NULL is fine */

/* Samples when it is time to. Returns the milliseconds until it is time again. */
int ts_exporter_tick(struct ts_exporter *exporter);

/*
 * Makes sure that the snapshot is fresh, though no more often than once a second: who asks within
 * the same second shares one. Returns its number.
 */
__u64 ts_exporter_refresh(struct ts_exporter *exporter);

/* Writes the last snapshot; server may be NULL. */
void ts_exporter_write(struct ts_exporter *exporter, FILE *out, enum ts_openmetrics_format format,
		       const struct ts_openmetrics_server *server);

/* --- the two ways to get the texts out; each returns an exit code */

int ts_export_serve(const struct ts_export_options *options);	 /* export_server.c */
int ts_export_textfile(const struct ts_export_options *options); /* export_textfile.c */

#endif
