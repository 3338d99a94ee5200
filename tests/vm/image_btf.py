#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Takes the BTF out of a kernel image, which may be compressed with zstd: image_btf.py IMAGE OUTPUT"""
import re
import struct
import subprocess
import sys


def types_in(image):
    """The BTFs of megabytes whose strings begin and end with a zero byte: those of modules are not in an image."""
    for match in re.finditer(rb"\x9f\xeb\x01\x00\x18\x00\x00\x00", image):
        at = match.start()
        _, _, _, head, _, type_length, string_offset, string_length = struct.unpack_from("<HBBIIIII", image, at)
        strings, end = at + head + string_offset, at + head + string_offset + string_length
        if type_length > 1 << 20 and end <= len(image) and image[strings] == 0 and image[end - 1] == 0:
            yield image[at:end]


def decompressed(image):
    """What follows each mark of zstd, as far as it can be decompressed: the image goes on behind it."""
    for match in re.finditer(rb"\x28\xb5\x2f\xfd", image):
        yield subprocess.run(["zstd", "-dcq"], input=image[match.start():], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=False).stdout


image = open(sys.argv[1], "rb").read()
found = list(types_in(image))
if not found:
    found = [types for plain in decompressed(image) for types in types_in(plain)]
if len(found) != 1:
    sys.exit(f"image_btf.py: {len(found)} kernel BTFs in {sys.argv[1]}, expected one")
with open(sys.argv[2], "wb") as output:
    output.write(found[0])
