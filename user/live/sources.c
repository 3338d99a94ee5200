// SPDX-License-Identifier: GPL-2.0-only
#include "source.h"

#define SOURCE(name) extern const struct ts_source ts_source_##name;
#include "sources_list.h"
#undef SOURCE

#define SOURCE(name) &ts_source_##name,
const struct ts_source *const ts_sources[] = {
#include "sources_list.h"
};
#undef SOURCE
const size_t ts_sources_count = sizeof ts_sources / sizeof ts_sources[0];
