/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_TEXT_FILE_H
#define TUNESCOPE_TEXT_FILE_H

/* The whole of a text file, to be freed; NULL with errno (EILSEQ: it is no text, EFBIG). */
char *ts_text_file_read(const char *path);

#endif
