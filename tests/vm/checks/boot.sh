# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# ---- what the command line has taken away

check_no_pressure() {
	jq -e '.families[] | select(.name == "pressure_seconds") | (.status == "unsupported" or .status == "disabled") and (.why | length > 10)' \
		"$results/report.json" >/dev/null || complain "$(jq -c '.families[] | select(.name == "pressure_seconds")' "$results/report.json")"
	# (No guest has cpufreq, whatever its command line; what needs the file of memory pressure says so.)
	jq -e '.sources | all(.status == "ok" or .status == "no-data" or .status == "disabled" or .name == "cpufreq" or (.why | test("pressure")))' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c .sources "$results/doctor.json")"
}
# The kernel has taken it; and what was found is what is found without.
check_locked() {
	grep -q '\[integrity\]' /sys/kernel/security/lockdown || complain "not locked: $(cat /sys/kernel/security/lockdown)"
	jq -e '.programs | all(.status == "ok" or .status == "unsupported")' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c '.programs[] | select(.status == "failed")' "$results/doctor.json")"
}
# A CPU that gets only what is sent there: that has no more to wait for than elsewhere, and is counted.
check_isolated() {
	local isolated
	isolated=$(cat /sys/devices/system/cpu/isolated)
	[ -n "$isolated" ] || complain "no CPU is isolated"
	observe
	taskset -c "$isolated" sh -c 'for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done'
	observed
	expect "seconds of the isolated CPU" "$(counted cpu_seconds "{\"cpu\":\"$isolated\",\"mode\":\"user\"}")" '>' 0.2
	jq -e '.families | all(.status != "failed")' "$results/advise.json" >/dev/null || complain "a family has failed"
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
	jq -e '.sources | all(.status == "ok" or .status == "no-data" or .status == "disabled" or .name == "cpufreq"
		or (.status == "unsupported" and (.why | test("lock"))))' "$results/doctor.json" >/dev/null ||
		complain "$(jq -c '.sources[] | select(.status != "ok")' "$results/doctor.json")"
}
