/* SPDX-License-Identifier: GPL-2.0-only */
/* What the table of measures names: one function for each way to compute one. */
#ifndef TUNESCOPE_MEASURE_PARTS_H
#define TUNESCOPE_MEASURE_PARTS_H

struct ts_measuring;

void ts_measure_quantile(struct ts_measuring *m);
void ts_measure_connection_errors(struct ts_measuring *m);
void ts_measure_rate(struct ts_measuring *m);
void ts_measure_cpu(struct ts_measuring *m);
void ts_measure_pressure(struct ts_measuring *m);
void ts_measure_disk(struct ts_measuring *m);
void ts_measure_memory(struct ts_measuring *m);
void ts_measure_network(struct ts_measuring *m);
void ts_measure_files(struct ts_measuring *m);

#endif
