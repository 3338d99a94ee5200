// SPDX-License-Identifier: GPL-2.0-only
/* What zlib is told in advance about the payload of a frame, so that names cost next to nothing. */
#include "frame_payload.h"

const char ts_frame_dictionary[] = "counter count\0gauge count\0histogram seconds\0ok\0no-data";
const size_t ts_frame_dictionary_length = sizeof ts_frame_dictionary - 1;
