/* SPDX-License-Identifier: GPL-2.0-only */
/* The options of every command that measures: what to leave out, and the kernel's types. */
#ifndef TUNESCOPE_COLLECT_ARGUMENTS_H
#define TUNESCOPE_COLLECT_ARGUMENTS_H

#include "options.h"
#include "../core/error.h"
#include "../live/collect.h"

struct ts_collect_arguments {
	struct ts_collect_options collect; /* complete after ts_collect_arguments_done */
	struct ts_option_names disabled_programs;
	bool verbose;
};

#define TS_COLLECT_AT(base, member) ((base) + offsetof(struct ts_collect_arguments, member))

/* Rows of a table of options; base is the offset of the struct above in the command's own. */
/* clang-format off */
#define TS_COLLECT_OPTIONS(base)                                                                   \
	{"disable", 0, "SOURCE[,...]", ts_option_sources, TS_COLLECT_AT(base, collect.disabled),   \
	 0, 0, NULL, "do not measure with these sources (`tunescope doctor` lists them)"},         \
	{"disable-program", 0, "NAME[,...]", ts_option_names,                                      \
	 TS_COLLECT_AT(base, disabled_programs),                                                   \
	 0, 0, NULL, "do not attach these BPF programs (`tunescope doctor` lists them)"},          \
	{"btf", 0, "PATH", ts_option_text, TS_COLLECT_AT(base, collect.btf_path),                  \
	 0, 0, NULL, "type information of the kernel (default /sys/kernel/btf/vmlinux)"},          \
	{"verbose", 'v', NULL, ts_option_switch, TS_COLLECT_AT(base, verbose),                     \
	 0, 0, NULL, "say more about what is being done, on standard error"}
/* clang-format on */

/* To be called once when the options have been read; the arguments must stay where they are. */
static inline void ts_collect_arguments_done(struct ts_collect_arguments *arguments)
{
	arguments->collect.disabled_programs = arguments->disabled_programs.name;
	ts_verbose = arguments->verbose;
}

#endif
