/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TUNESCOPE_BTRFS_H
#define TUNESCOPE_BTRFS_H

#include "disk_accounts.h"

/*
 * The disk of a btrfs whose backing device (/sys/class/bdi) is given: "btrfs-1". False when it is
 * none, is on several disks, or the kernel does not say.
 */
bool ts_btrfs_disk(const char *sys, const char *bdi, char disk[TS_DISK_NAME_SIZE]);

#endif
