#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A guide's settings and aims, on this host.
. "$BATS_TEST_DIRNAME/cli.bash"

setup() { nobody_setup; }
teardown() { nobody_teardown; }

guides="family-management privatus-chat trading-bot vpn-subscription-merger"

@test "each guide: every setting has a verdict with a reason, and the JSON is as its schema says" {
	for guide in $guides; do
		"$tunescope" audit --profile "$guide" -d 500ms --json >"$public/audit.json"
		validate "$public/audit.json"
		wanted=$(sed -n '/^\[settings\]/,$p' "$tree/profiles/$guide.conf" | grep -c ' = ')
		[ "$(jq '[.audit[].setting] | unique | length' "$public/audit.json")" = "$wanted" ] ||
			complain "$guide: not $wanted settings"
		[ "$(jq '[.audit[] | select(.verdict != "set" and .why == "")] | length' "$public/audit.json")" = 0 ] ||
			complain "$guide: a verdict without a reason"
		[ "$(jq '[.audit[] | select((.verdict == "set") and (.set | not))] | length' "$public/audit.json")" = 0 ]
	done
}

@test "current values are those of the host" {
	"$tunescope" audit --profile family-management -d 500ms --json >"$public/audit.json"
	for key in vm.swappiness kernel.pid_max net.ipv4.tcp_fin_timeout; do
		[ "$(jq -r --arg key "$key" '.audit[] | select(.setting == $key).current' "$public/audit.json")" = \
			"$(cat "/proc/sys/${key//.//}")" ] || complain "$key"
	done
}

@test "128 MiB for every socket is harmful; what a kernel refuses is told, and nothing is changed" {
	before=$(sysctl -n net.core.somaxconn net.core.rmem_default)
	cat >"$public/guide.conf" <<-'END'
		[settings]
		net.core.rmem_default = 134217728
		net.core.somaxconn = -5
		net.ipv4.tcp_congestion_control = nosuch
		vm.no_such_setting = 1
	END
	run --separate-stderr "$tunescope" audit --profile "$public/guide.conf" -d 500ms
	expect_status 0
	expect "*harmful here*net.core.rmem_default*128 MiB*" "$output"
	expect "*harmful here*net.core.somaxconn*refuses*" "$output"
	expect "*harmful here*tcp_congestion_control*nosuch is not among*" "$output"
	expect "*unknown*vm.no_such_setting*this kernel has no*" "$output"
	[ "$before" = "$(sysctl -n net.core.somaxconn net.core.rmem_default)" ]
}

@test "--exit-code: 1 when what is set does harm" {
	run --separate-stderr "$tunescope" audit --profile privatus-chat -d 300ms --exit-code
	[ "$status" = 0 ] || [ "$status" = 1 ]
	printf '[settings]\nnet.core.somaxconn = %s\n' "$(sysctl -n net.core.somaxconn)" >"$public/guide.conf"
	run --separate-stderr "$tunescope" audit --profile "$public/guide.conf" -d 300ms --exit-code
	expect_status 0
	expect "*set*net.core.somaxconn*" "$output"
}

@test "a recording is audited without privilege; what it does not hold is unknown" {
	"$tunescope" record -o "$public/host.tsrec" --interval 1s -d 2s 2>/dev/null
	chmod 644 "$public/host.tsrec"
	cp "$tree/profiles/family-management.conf" "$public/guide.conf"
	run --separate-stderr as_nobody tunescope audit --profile "$public/guide.conf" --from "$public/host.tsrec"
	expect_status 0
	expect "*vm.dirty_ratio*" "$output"
	expect "*cpufreq/scaling_governor*it is not in the recording*" "$output"
}

@test "mistakes: one line, exit code 2" {
	while IFS='|' read -r words pattern; do
		run --separate-stderr "$tunescope" audit $words
		expect_status 2
		one_line_only
		expect "*$pattern*" "$stderr"
	done <<-'END'
		|which guide?
		--profile nosuch|there is no profile 'nosuch'
		--profile threat-analyzer|has no ?settings? to go through
		--profile family-management --from /nosuch|/nosuch
	END
}

@test "advise with a guide: each aim has a state, and what the kernel cannot see says where to look" {
	"$tunescope" advise --profile family-management -d 1s --json >"$public/advise.json"
	validate "$public/advise.json"
	for name in ApiResponseTime DatabaseQueryTime CacheHitRate CpuUtilisation MemoryUtilisation DiskWait HighErrorRate; do
		[ "$(jq --arg name "$name" '[.objectives[] | select(.name == $name and (.value != null or .why != ""))] | length > 0' "$public/advise.json")" = true ] ||
			complain "$name has neither a value nor a reason"
	done
	[[ $(jq -r '.objectives[] | select(.name == "CacheHitRate").why' "$public/advise.json") == *keyspace_hits* ]]
}
