# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Checks of `tunescope run`, in a guest that has cgroup v2 only. Sourced by checks.sh.

summed() { # family, labels: a counter of the command's recording
	"$tunescope" dump --json "$results/run.tsrec" | jq -s --arg name "$1" --argjson labels "$2" '[.[].families[]? |
		select(.name == $name) | .series[] | select(.labels | contains($labels)) | .value] | add // 0'
}

# The command's own cgroup is made and removed, and only its tasks count: a busy neighbour's do not.
check_command() {
	local before after command
	before=$(find /sys/fs/cgroup -type d | wc -l)
	while :; do :; done &
	"$tunescope" run -o "$results/run.tsrec" -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done' \
		>"$results/run.txt" 2>&1 || complain "exit code $?: $(tail -3 "$results/run.txt")"
	kill $!
	after=$(find /sys/fs/cgroup -type d | wc -l)
	expect "cgroups left" "$after" == "$before"
	grep -q "signals are the command's" "$results/run.txt" || complain "$(head -3 "$results/run.txt")"
	command=$(summed task_cpu_seconds '{"who":"command"}')
	expect "CPU of the neighbour" "$(summed task_cpu_seconds '{"who":"other"}')" '>' "$command"
	# What wait4() says of the command: with its interrupts, and only to a tick on some kernels.
	expect "CPU of the command" "$command" '<=' "$(awk -v user="$(summed command_seconds '{"kind":"user"}')" \
		-v kernel="$(summed command_seconds '{"kind":"system"}')" 'BEGIN { print 1.2 * (user + kernel) + 0.1 }')"
	"$tunescope" run -- sh -c 'exit 7' >/dev/null 2>&1
	expect "exit status" $? == 7
}
