#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What is accepted on the command line, and what a mistake looks like.
. "$BATS_TEST_DIRNAME/cli.bash"

@test "no command: the help goes to standard error, exit code 2" {
	run --separate-stderr "$tunescope"
	expect_status 2
	[ -z "$output" ]
	expect "usage: tunescope COMMAND*advise*doctor*" "$stderr"
}

@test "help, --help and -h go to standard output" {
	for word in help --help -h; do
		run --separate-stderr "$tunescope" $word
		expect_status 0
		[ -z "$stderr" ]
		expect "usage: tunescope COMMAND*advise*doctor*help*" "$output"
	done
}

@test "help of a command, in both spellings, names every option of the man page" {
	run "$tunescope" help advise
	expect_status 0
	first=$output
	run "$tunescope" advise --help
	expect_status 0
	[ "$first" = "$output" ]
	for option in --duration --profile --json --exit-code --all --disable --disable-program --btf --color --verbose; do
		expect "*$option*" "$output"
		grep -q -- "${option//-/\\\\-}" "$tree/docs/tunescope.8" || complain "$option is not in the man page"
	done
}

@test "help stays within 80 columns" {
	for words in help "help advise" "help doctor" "help help"; do
		run "$tunescope" $words
		expect_status 0
		[ "$(wc -L <<<"$output")" -le 80 ] || complain "wider than 80 columns"
	done
}

@test "--version prints the version" {
	run --separate-stderr "$tunescope" --version
	expect_status 0
	[[ $output =~ ^tunescope\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "mistakes: one line that names the mistake, exit code 2" {
	while IFS='|' read -r words pattern; do
		run --separate-stderr "$tunescope" $words
		expect_status 2
		one_line_only
		expect "*$pattern*" "$stderr"
	done <<-'END'
		frobnicate|no command 'frobnicate'
		help frobnicate|no command 'frobnicate'
		advise --frobnicate|unknown option '--frobnicate'
		advise -x|unknown option '-x'
		advise extra|unexpected argument 'extra'
		advise --duration|--duration needs a value
		advise --json=yes|takes no value
		advise --color=blue|accepted: auto, always, never
		advise --disable nosuch|accepted: sched, block
		advise --disable sched,,tcp|separated by commas
		advise --dur 1s|unknown option '--dur'
		doctor --duration 1s|unknown option
	END
}

@test "durations that are not accepted: the line says what is" {
	for text in 5x 10sec ms "" -1s 1e3 inf nan 0x10 1.2.3 0 25h " 1s" "1 s"; do
		run --separate-stderr "$tunescope" advise -d "$text"
		expect_status 2
		one_line_only
		expect "*500ms, 10s, 2m, 1h*" "$stderr"
	done
}

@test "durations that are accepted, in every spelling of the option" {
	for words in "-d 200ms" "-d200ms" "--duration 0.2s" "--duration=.2" "-d 0.005m" "-v -d 200ms"; do
		run --separate-stderr "$tunescope" advise $words --json
		expect_status 0
		jq -e '.window.seconds > 0.19 and .window.seconds < 1' <<<"$output" >/dev/null || complain "$words"
	done
}

@test "a bad profile: file:line, exit code 2, before privileges are asked for" {
	nobody_setup
	printf '[accept-queue]\n\nno_such_key = 1\n' >"$public/bad.conf"
	chmod 644 "$public/bad.conf"
	run --separate-stderr as_nobody tunescope advise --profile "$public/bad.conf"
	nobody_teardown
	expect_status 2
	one_line_only
	expect "*bad.conf:3: *no_such_key*" "$stderr"
}

@test "a profile that is missing, a directory, binary or huge: one line, exit code 2" {
	cd "$BATS_TEST_TMPDIR"
	head -c 100 /dev/zero >binary.conf
	yes '# comment' | head -c 400000 >huge.conf
	for name in ./missing.conf . ./binary.conf ./huge.conf /dev/null/x nosuchprofile; do
		run --separate-stderr "$tunescope" advise -d 200ms --profile "$name"
		expect_status 2
		one_line_only
		expect "*profile*" "$stderr"
	done
	expect "*nosuchprofile.conf in*/etc/tunescope/profiles*" "$stderr"
}

@test "a profile that comes with tunescope is found by its name" {
	run --separate-stderr "$tunescope" advise -d 200ms --profile default --json
	expect_status 0
	jq -e '.window.profile == "default"' <<<"$output" >/dev/null
}

@test "a profile that switches a rule off" {
	printf '[accept-queue]\nenabled = no\n' >"$BATS_TEST_TMPDIR/off.conf"
	run --separate-stderr "$tunescope" advise -d 200ms --profile "$BATS_TEST_TMPDIR/off.conf" --json
	expect_status 0
	jq -e '.rules[] | select(.rule == "accept-queue") | .outcome == "disabled"' <<<"$output" >/dev/null ||
		complain "accept-queue is not disabled"
}

@test "the man page is without mistakes, and completion offers commands, options and sources" {
	run groff -man -ww -Tutf8 -z "$tree/docs/tunescope.8"
	expect_status 0
	[ -z "$output" ] || complain "the man page"
	run bash -c '
		. "$1"
		complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tunescope; echo "${COMPREPLY[*]}"; }
		complete_line "$2" ""
		complete_line "$2" advise --d
		complete_line "$2" advise --disable sched,bl
	' _ "$tree/contrib/tunescope.bash" "$tunescope"
	expect "advise *doctor *help --help --version" "${lines[0]}"
	[ "${lines[1]}" = "--duration --disable --disable-program" ]
	[ "${lines[2]}" = "sched,block" ]
}
