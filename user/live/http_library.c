// SPDX-License-Identifier: GPL-2.0-only
#include "http_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include "../core/error.h"

/* By the version of the interface that microhttpd.h describes. */
#define LIBRARY "libmicrohttpd.so.12"

struct ts_mhd ts_mhd;

int ts_mhd_load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	const struct {
		const char *name;
		void *place;
	} functions[] = {
#define X(name) {"MHD_" #name, &ts_mhd.name},
		TS_MHD_FUNCTIONS(X)
#undef X
	};

	if (!library)
		return ts_err(-ENOPKG,
			      "export needs libmicrohttpd (%s), or --textfile, which does not",
			      dlerror());
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		*(void **)functions[i].place = dlsym(library, functions[i].name);
		if (!*(void **)functions[i].place)
			return ts_err(-ENOPKG, "%s has no %s", LIBRARY, functions[i].name);
	}
	return 0;
}
