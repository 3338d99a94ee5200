/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libmicrohttpd, loaded when it is used: it brings a TLS library and others along, almost 3 MB of
 * resident memory that only the process that serves needs, and neither a recording of days nor the
 * collector. The functions are called as ts_mhd.run() for MHD_run().
 */
#ifndef TUNESCOPE_HTTP_LIBRARY_H
#define TUNESCOPE_HTTP_LIBRARY_H

#include <microhttpd.h>

/* clang-format off */
#define TS_MHD_FUNCTIONS(X) \
	X(add_response_header) X(create_response_from_buffer) X(destroy_response) \
	X(get_connection_info) X(get_daemon_info) X(get_timeout) X(lookup_connection_value) \
	X(queue_response) X(resume_connection) X(run) X(start_daemon) X(stop_daemon) \
	X(suspend_connection)
/* clang-format on */

struct ts_mhd {
#define X(name) __typeof__(&MHD_##name) name;
	TS_MHD_FUNCTIONS(X)
#undef X
};

extern struct ts_mhd ts_mhd;

/* 0, or -ENOPKG with a message. */
int ts_mhd_load(void);

#endif
