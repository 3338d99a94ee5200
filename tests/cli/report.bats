#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# tunescope report: the file it writes, and what a browser makes of it.
. "$BATS_TEST_DIRNAME/cli.bash"

setup_file() {
	samples=$(dirname "$tunescope")/tests/unit/test_html
	[ -x "$samples" ] || make -s -C "$tree" BUILD="$(dirname "$tunescope")" "$samples"
	"$samples" --samples "$BATS_FILE_TMPDIR"
	"$tunescope" record -o "$BATS_FILE_TMPDIR/short.tsrec" --interval 300ms -d 3s --quiet
}

setup() {
	recording=$BATS_FILE_TMPDIR/short.tsrec
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here"
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/here/small" ] || umount "$BATS_TEST_TMPDIR/here/small" 2>/dev/null || true
	nobody_teardown
}

look() { # check, sample
	run --separate-stderr /usr/bin/python3 "$BATS_TEST_DIRNAME/report_page.py" "$1" "$BATS_FILE_TMPDIR/$2.html"
	expect_status 0
	[ -z "$output$stderr" ] || complain "it has something to say"
}

@test "a recording becomes one whole file, and nothing else" {
	run --separate-stderr "$tunescope" report "$recording" -o page.html
	expect_status 0
	[ -z "$output$stderr" ] || complain "nothing was to be printed"
	[ "$(ls -A)" = page.html ]
	expect "<!DOCTYPE html>*</body></html>" "$(cat page.html)"
	expect "*<h1>$(uname -n)</h1>*Linux $(uname -r) *Run-queue latency*" "$(cat page.html)"
	[ "$(stat -c %a page.html)" = "$(printf %o $((0666 & ~$(umask))))" ]
}

@test "without -o it says where; -o - is the same on standard output" {
	run --separate-stderr "$tunescope" report "$recording"
	expect_status 0
	[ "$stderr" = "tunescope: wrote tunescope-report.html" ]
	"$tunescope" report "$recording" -o - >page.html
	cmp page.html tunescope-report.html
}

@test "a slice has fewer windows; the same slice gives the same bytes" {
	"$tunescope" report "$recording" -o whole.html
	"$tunescope" report "$recording" --to +1s -o part.html
	"$tunescope" report "$recording" --to +1s -o again.html
	cmp part.html again.html
	windows() { grep -oE '<span>[0-9]+ windows' "$1" | grep -oE '[0-9]+'; }
	[ "$(windows part.html)" -lt "$(windows whole.html)" ]
	run --separate-stderr "$tunescope" report "$recording" --from +2h -o none.html
	expect_status 2
	[ ! -e none.html ]
}

@test "a directory of segments, and what replay says about the same time" {
	mkdir segments
	cp "$recording" segments/
	"$tunescope" report segments -o page.html
	"$tunescope" report "$recording" -o other.html
	cmp page.html other.html
	"$tunescope" replay "$recording" --json | jq -r '.rules[] | .outcome + "</td><td class=\"w\">"' >outcomes
	[ -s outcomes ]
	while read -r outcome; do
		grep -qF "<td>$outcome" page.html || complain "$outcome"
	done <outcomes
	for id in $("$tunescope" replay "$recording" --json |
		jq -r '.findings[] | select(.outcome == "recommend" or .outcome == "not-a-setting") | .id'); do
		grep -qF "$id" page.html || complain "$id is not in the page"
	done
}

@test "a recording is never overwritten, a report is" {
	cp "$recording" other.tsrec
	for target in "$recording" other.tsrec; do
		run --separate-stderr "$tunescope" report "$recording" -o "$target"
		expect_status 2
		one_line_only
		expect "*is a recording and is not overwritten*" "$stderr"
	done
	cmp "$recording" other.tsrec
	echo old >page.html
	ln -s page.html link.html
	"$tunescope" report "$recording" -o link.html
	[ -L link.html ]
	expect "<!DOCTYPE html>*" "$(cat page.html)"
}

@test "a full disk: one line, exit code 3, the old report stays whole" {
	mkdir small
	mount -t tmpfs -o size=32k tunescope-report small
	echo old >small/page.html
	run --separate-stderr "$tunescope" report "$recording" -o small/page.html
	expect_status 3
	one_line_only
	expect "*No space left on device*" "$stderr"
	[ "$(ls -A small)" = page.html ]
	[ "$(cat small/page.html)" = old ]
	run --separate-stderr bash -c '"$1" report "$2" -o - >/dev/full' _ "$tunescope" "$recording"
	expect_status 3
	one_line_only
	run --separate-stderr "$tunescope" report "$recording" -o /dev/full
	expect_status 3
	one_line_only
}

@test "mistakes: one line, exit code 2" {
	echo text >text
	mkdir empty
	for words in "report" "report nowhere" "report text" "report empty" "report $recording -o empty" \
		"report $recording --from yesterday" "report $recording --profile ./nowhere" "report $recording text"; do
		run --separate-stderr "$tunescope" $words
		expect_status 2
		one_line_only || complain "$words"
	done
	run --separate-stderr "$tunescope" report "$recording" -o nowhere/page.html
	expect_status 3
	one_line_only
}

@test "no privilege is needed" {
	nobody_setup
	install -m 644 "$recording" "$public/short.tsrec"
	run --separate-stderr as_nobody tunescope report "$public/short.tsrec" -o -
	expect_status 0
	expect "<!DOCTYPE html>*</html>" "$output"
}

@test "damage is told, and what is whole is drawn" {
	# Twice, and the first time with a damaged group.
	cat "$recording" "$recording" >damaged.tsrec
	printf '\377\377\377' | dd of=damaged.tsrec bs=1 seek=$(($(stat -c %s "$recording") / 2)) conv=notrunc status=none
	"$tunescope" report damaged.tsrec -o page.html 2>/dev/null
	expect "*Damaged places (1)*" "$(cat page.html)"
	expect "*Run-queue latency*" "$(cat page.html)"
}

@test "the markup is well-formed, every drawing is XML, nothing leads outside" {
	for sample in day gaps change hostile; do
		look structure "$sample"
	done
	"$tunescope" report "$recording" -o "$BATS_FILE_TMPDIR/real.html"
	look structure real
}

@test "in a browser: no error, no request, no scrolling sideways at 360 px" {
	"$tunescope" report "$recording" -o "$BATS_FILE_TMPDIR/real.html"
	look quiet day
	look quiet real
}

@test "in a browser: light, dark, and light on paper" {
	look colours day
}

@test "in a browser: printed" {
	look print change
}

@test "in a browser: hovering and the arrow keys show numbers, gaps show none" {
	look hover gaps
}

@test "in a browser: without the script the figures are there" {
	look without-script change
}

@test "in a browser: hostile names are text" {
	look hostile hostile
}
