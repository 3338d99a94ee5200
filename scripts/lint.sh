#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Checks what the compiler cannot: formatting, licence lines, who includes whom, purity of the core.
#   lint.sh FILE...
set -u
status=0
complain() {
	echo "lint: $*" >&2
	status=1
}

clang-format --dry-run -Werror "$@" || complain "run 'make format'"

for file; do
	head -1 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
		complain "$file: the first line must be the SPDX licence identifier"
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] || complain "$file: $lines lines, at most 600"
done

# include <- bpf; include <- core <- live <- cmd <- main
forbid() { # directory, pattern of includes it must not have, why
	found=$(grep -rnE "^#include [<\"]($2)" "$1" --include='*.[ch]' || true)
	[ -z "$found" ] || complain "$3:
$found"
}
forbid include '\.\./|bpf/|user/' "include/ must stand alone"
forbid user/core 'bpf/|unistd\.h|fcntl\.h|dirent\.h|sys/|pthread\.h|signal\.h' "user/core is pure: no libbpf, no system calls"
forbid user/live '\.\./(cmd|core/rules|core/render)|\.\./core/(rule|report|profile)\.h' "user/live measures: it must not see commands, rules or renderers"
calls=$(grep -rnE '\b(fopen|open|socket|system|popen|getenv|exit)\(' user/core --include='*.c' |
	grep -v '^user/core/arena.c:.*exit(3)' | grep -vE '(open|socket)\([27]\)' || true) # pages of the manual
[ -z "$calls" ] || complain "user/core is pure, but calls:
$calls"
# Calendars are arithmetic; what time it is, and in which zone this host lies, is not.
clocks=$(grep -rnE '\b(time|clock|clock_gettime|gettimeofday|timespec_get|localtime(_r)?|mktime|tzset)\(' user/core --include='*.c' || true)
[ -z "$clocks" ] || complain "user/core reads no clock and knows no time zone, but calls:
$clocks"

# Kernels before 5.12 refuse a program that has one: bpf/atomic.bpf.h has a form for them.
swaps=$(grep -nE '__sync_(val|bool)_compare_and_swap|[=(,!] *__sync_fetch_and_|__atomic_|__sync_lock' bpf/*.bpf.c || true)
[ -z "$swaps" ] || complain "atomic operations that return something are to be those of bpf/atomic.bpf.h:
$swaps"

if command -v shellcheck >/dev/null 2>&1; then
	shellcheck -S warning scripts/*.sh tests/vm/*.sh tests/vm/checks/*.sh tests/cli/*.sh || complain "shellcheck"
fi
exit $status
