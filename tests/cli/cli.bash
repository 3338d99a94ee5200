# SPDX-License-Identifier: GPL-2.0-only
# Shared by the tests of the command line.
bats_require_minimum_version 1.5.0
tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
tunescope=$(realpath "${TUNESCOPE:-$tree/build/tunescope}")
schema=$tree/docs/report.schema.json
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin
unset NO_COLOR

# Prints what was seen and fails.
complain() {
	printf '%s\n' "$1" "status: ${status-}" "output: ${output-}" "stderr: ${stderr-}"
	return 1
}

expect_status() { [ "$status" = "$1" ] || complain "expected exit code $1"; }
expect() { [[ $2 == $1 ]] || complain "expected $1 in: $2"; }
refuse() { [[ $2 != $1 ]] || complain "$1 must not appear in: $2"; }

# A failure is one line on standard error that begins with the program's name, and nothing else.
one_line_only() {
	[ -z "$output" ] || complain "nothing was to be printed on standard output" || return
	[ "$(wc -l <<<"$stderr")" = 1 ] || complain "expected one line on standard error" || return
	expect "tunescope: *" "$stderr"
}

validate() { /usr/bin/python3 -W ignore -m jsonschema -i "$1" "$schema"; }

# A user without any privilege, with a copy of the binary that every user can reach.
nobody_setup() {
	public=$(mktemp -d /tmp/tunescope-cli.XXXXXX)
	chmod 755 "$public"
	install -m 755 "$tunescope" "$public/tunescope"
}
nobody_teardown() { [ -z "${public-}" ] || rm -rf "$public"; }
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$public/$@"
}

# The BPF programs, maps and links that a process holds: "prog 12", "map 7", …
bpf_objects() { # pid
	cat /proc/"$1"/fdinfo/* 2>/dev/null |
		awk '/^(prog|map|link)_id:/ { sub("_id:", "", $1); print $1, $2 }' | sort -u
}

# Waits until a process holds BPF programs and runs.
wait_until_attached() { # pid
	local i
	for i in {1..50}; do
		if bpf_objects "$1" | grep -q '^link'; then
			sleep 0.2
			return
		fi
		sleep 0.1
	done
	complain "process $1 attached nothing within 5 s"
}

# None of these objects exists any more; the kernel may take a moment to free them.
all_gone() { # lines of bpf_objects
	local i kind id left
	[ -n "$1" ] || complain "there was nothing to look for" || return
	for i in {1..50}; do
		left=
		while read -r kind id; do
			! bpftool "$kind" show id "$id" >/dev/null 2>&1 || left+="$kind $id "
		done <<<"$1"
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	complain "left behind: $left"
}
