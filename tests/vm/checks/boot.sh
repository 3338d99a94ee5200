# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- what the command line has taken away

check_no_pressure() {
	jq -e '.families[] | select(.name == "pressure_seconds") | (.status == "unsupported" or .status == "disabled") and (.why | length > 10)' \
		"$results/report.json" >/dev/null || complain "$(jq -c '.families[] | select(.name == "pressure_seconds")' "$results/report.json")"
	jq -e '.sources | all(.status == "ok" or .status == "no-data" or .status == "disabled")' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c .sources "$results/doctor.json")"
}
one_line() { # exit code, file, words
	[ "$1" = 3 ] || complain "exit code $1"
	[ "$(wc -l <"$2")" = 1 ] || complain "more than one line:" "$(cat "$2")"
	grep -q "^tunescope: .*$3" "$2" || complain "nothing about $3:" "$(cat "$2")"
}
check_no_btf() {
	local code=0
	mount -t tmpfs tmpfs /sys/kernel/btf
	timeout 30 "$tunescope" advise -d 1 >"$results/no-btf.out" 2>"$results/no-btf.err" || code=$?
	umount /sys/kernel/btf
	one_line $code "$results/no-btf.err" CONFIG_DEBUG_INFO_BTF
}
# Under lockdown=confidentiality BPF may not read the kernel's memory: that is said, and the rest works.
check_refused() {
	local code=0
	timeout 60 "$tunescope" doctor --json >"$results/doctor.json" 2>"$results/doctor.err" || code=$?
	timeout 60 "$tunescope" doctor >"$results/doctor.txt" 2>/dev/null || :
	[ $code = 1 ] || complain "exit code $code" "$(cat "$results/doctor.err")"
	jq -e '[.sources[] | select(.status == "ok")] | length >= 5' "$results/doctor.json" >/dev/null || complain "$(jq -c .sources "$results/doctor.json")"
	jq -e '.sources | all(.status == "ok" or .status == "no-data" or (.why | test("lock")))' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c '.sources[] | select(.status != "ok")' "$results/doctor.json")"
}
