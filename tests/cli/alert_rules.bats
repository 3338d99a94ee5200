#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bats file_tags=alone
# export --alert-rules: what Prometheus' own tools say of it, and a real Prometheus over the real exporter.
. "$BATS_TEST_DIRNAME/cli.bash"

teardown() { nobody_teardown; }

names() { sed -n 's/^ *- alert: //p' "$1"; }

@test "promtool takes the rules of every profile without a word of complaint" {
	for profile in "$tree"/profiles/*.conf; do
		run --separate-stderr "$tunescope" export --alert-rules "$profile"
		expect_status 0
		[ -z "$stderr" ] || complain "nothing was to be said"
		cat >"$BATS_TEST_TMPDIR/rules.yml" <<<"$output"
		run promtool check rules --lint=all --lint-fatal "$BATS_TEST_TMPDIR/rules.yml"
		expect_status 0
		expect "*SUCCESS: [1-9]* rules found*" "$output"
		for name in TunescopeAcceptQueue TunescopeDown; do
			[ "$(names "$BATS_TEST_TMPDIR/rules.yml" | grep -cx $name)" = 1 ] || complain "$profile: $name"
		done
		# As many alerts of an objective as it has severities.
		while read -r name levels; do
			[ "$(names "$BATS_TEST_TMPDIR/rules.yml" | grep -cx "$name")" = "$levels" ] ||
				complain "$profile: $name has not $levels alerts"
		done < <(awk '/^\[/ { name = "" } /^\[objective / { name = $2; sub("]", "", name); levels[name] = 0 }
			name && /^(warning|critical) =/ { levels[name]++ } END { for (n in levels) print n, levels[n] }' "$profile")
		# Every alert says how bad it is and what it means.
		/usr/bin/python3 - "$BATS_TEST_TMPDIR/rules.yml" <<-'END'
			import sys, yaml
			seen = set()
			for group in yaml.safe_load(open(sys.argv[1]))["groups"]:
			    for rule in group["rules"]:
			        # A name stands for one thing; the severities of one objective share theirs.
			        assert (rule["alert"], rule["labels"]["severity"]) not in seen, rule
			        seen.add((rule["alert"], rule["labels"]["severity"]))
			        assert rule["labels"]["severity"] in ("warning", "critical", "info"), rule
			        assert len(rule["annotations"]["summary"]) > 20, rule
			        assert len(rule["annotations"]["description"]) > 60, rule
			        assert rule["for"] and rule["expr"].startswith(rule["expr"].strip()), rule
		END
	done
}

@test "alerts fire after exactly their time, and not just below the threshold" {
	"$tunescope" export --alert-rules threat-analyzer >"$BATS_TEST_TMPDIR/rules.yml"
	cp "$BATS_TEST_DIRNAME/alert_rules_test.yml" "$BATS_TEST_TMPDIR"
	run promtool test rules "$BATS_TEST_TMPDIR/alert_rules_test.yml"
	expect_status 0
	expect "*SUCCESS*" "$output"
}

@test "thresholds, times and severities are those of the profile" {
	cat >"$BATS_TEST_TMPDIR/mine.conf" <<-'END'
		[accept-queue]
		enabled = no
		[objective HighErrorRate]
		enabled = no
		[objective Database]
		measure = call-time-p99
		port = 5432
		target = 1ms
		warning = 20ms
		critical = 0.1
		for = 90s
		[objective Disk]
		measure = disk-utilisation
		device = nvme0n1
		critical = 95%
		for = 0
		severity = page
		[objective Traffic]
		measure = connection-rate
		port = 443
		warning = 100/s
		[alerts]
		finding_for = 1h
		scrape_interval = 1m
	END
	run --separate-stderr "$tunescope" export --alert-rules "$BATS_TEST_TMPDIR/mine.conf"
	expect_status 0
	cat >"$BATS_TEST_TMPDIR/rules.yml" <<<"$output"
	run promtool check rules --lint=all --lint-fatal "$BATS_TEST_TMPDIR/rules.yml"
	expect_status 0
	/usr/bin/python3 - "$BATS_TEST_TMPDIR/rules.yml" <<-'END'
		import sys, yaml
		rules = [rule for group in yaml.safe_load(open(sys.argv[1]))["groups"] for rule in group["rules"]]
		def of(name): return [rule for rule in rules if rule["alert"] == name]
		assert not of("TunescopeAcceptQueue") and not of("HighErrorRate")
		assert of("TunescopeSynQueue")[0]["for"] == "1h"
		warning, critical = of("Database")
		assert (warning["labels"], critical["labels"]) == ({"severity": "warning"}, {"severity": "critical"})
		assert warning["for"] == critical["for"] == "1m30s"
		assert " > 0.02 and " in warning["expr"] and " > 0.1 and " in critical["expr"]
		assert warning["expr"].startswith("histogram_quantile(0.99, ") and ">= 100" in warning["expr"]
		assert 'side="outbound",port="5432"' in warning["expr"] and "[4m]" in warning["expr"]
		assert "20 milliseconds" in warning["annotations"]["summary"]
		(disk,) = of("Disk")
		assert disk["labels"] == {"severity": "page"} and disk["for"] == "0s", disk
		assert 'device="nvme0n1"' in disk["expr"] and "95 percent" in disk["annotations"]["summary"]
		(traffic,) = of("Traffic")
		assert " < 100.0" in traffic["expr"] and "below 100 connections per second" in traffic["annotations"]["summary"]
		(blind,) = of("TunescopeFamilyUnmeasured")
		assert "disk_busy_seconds" in blind["expr"] and "cgroup_quota_cpus" not in blind["expr"]
	END
}

@test "it needs no privilege and opens nothing; mistakes are told" {
	nobody_setup
	cp "$tree/profiles/threat-analyzer.conf" "$public/mine.conf"
	chmod 644 "$public/mine.conf"
	run --separate-stderr as_nobody tunescope export --alert-rules "$public/mine.conf"
	expect_status 0
	expect "*alert: HighErrorRate*" "$output"
	calls=$(strace -f -e trace=bpf,socket,perf_event_open "$tunescope" export --alert-rules default 2>&1 >/dev/null)
	refuse "*bpf(*" "$calls"
	refuse "*socket(*" "$calls"
	refuse "*perf_event_open(*" "$calls"

	printf '\n[objective X]\nmeasure = service-time-p96\nwarning = 1\n' >"$BATS_TEST_TMPDIR/bad.conf"
	run --separate-stderr "$tunescope" export --alert-rules "$BATS_TEST_TMPDIR/bad.conf"
	expect_status 2
	one_line_only
	expect "*/bad.conf:3: unknown measure \"service-time-p96\"; did you mean \"service-time-p9[59]\"?*" "$stderr"
	run --separate-stderr "$tunescope" export --alert-rules nowhere
	expect_status 2
	one_line_only
	run --separate-stderr "$tunescope" export --alert-rules default --textfile x.prom
	expect_status 2
	one_line_only
	run --separate-stderr bash -c '"$0" export --alert-rules default >/dev/full' "$tunescope"
	expect_status 3
	one_line_only
}

@test "a report judges the objectives of its profile" {
	cat >"$BATS_TEST_TMPDIR/mine.conf" <<-'END'
		[objective Queue]
		measure = run-queue-latency-p95
		target = 1us
		[objective Memory]
		measure = memory-utilisation
		warning = 0.1%
		critical = 0.2%
		[objective Nobody]
		measure = service-time-p50
		port = 1
		warning = 1s
	END
	run --separate-stderr "$tunescope" advise -d 2s --json --profile "$BATS_TEST_TMPDIR/mine.conf"
	expect_status 0
	cat >"$BATS_TEST_TMPDIR/report.json" <<<"$output"
	validate "$BATS_TEST_TMPDIR/report.json"
	jq -e '[.objectives[].state] as $s | ["critical", "warning", "missed", "target", "no-data"] as $order
		| [$s[] as $x | $order | index($x)] | . == sort' "$BATS_TEST_TMPDIR/report.json" >/dev/null ||
		complain "not worst first"
	jq -e '.objectives[] | select(.name == "Memory") | .state == "critical" and .critical == 0.002 and .samples == 1
		and .value > 0.002 and .value < 1' "$BATS_TEST_TMPDIR/report.json" >/dev/null || complain "memory"
	jq -e '.objectives[] | select(.name == "Queue") | .state == "missed" and .warning == null and .unit == "seconds"
		and .samples >= 20' "$BATS_TEST_TMPDIR/report.json" >/dev/null || complain "run queue"
	jq -e '.objectives[] | select(.name == "Nobody") | .state == "no-data" and .value == null and .labels.port == "1"
		and (.why | test("at least 10"))' "$BATS_TEST_TMPDIR/report.json" >/dev/null || complain "nobody"
	# As the host itself tells it.
	awk '/^MemTotal/ { t = $2 } /^MemAvailable/ { a = $2 } END { print 1 - a / t }' /proc/meminfo >"$BATS_TEST_TMPDIR/used"
	jq -e --argjson used "$(cat "$BATS_TEST_TMPDIR/used")" \
		'.objectives[] | select(.name == "Memory") | (.value - $used | fabs) < 0.05' "$BATS_TEST_TMPDIR/report.json" \
		>/dev/null || complain "memory is $(cat "$BATS_TEST_TMPDIR/used")"

	run --separate-stderr "$tunescope" advise -d 1s --disable tcp --profile "$BATS_TEST_TMPDIR/mine.conf"
	expect_status 0
	expect "*Objectives*critical *Memory: memory-utilisation*(warning above 0.10 %, critical above 0.20 %)*" "$output"
	expect "*no-data *Nobody port 1: service-time-p50 tcp_service_time was not measured*disabled*" "${output//$'\n'/ }"
}

@test "a real Prometheus raises the alerts for a slow service and one that resets, and for no other" {
	cat >"$BATS_TEST_TMPDIR/quick.conf" <<-'END'
		[objective HighResponseTime]
		measure = service-time-p95
		warning = 500ms
		for = 3s
		[objective HighErrorRate]
		measure = connection-error-share
		critical = 5%
		for = 3s
		[alerts]
		scrape_interval = 1s
	END
	run --separate-stderr timeout 100 /usr/bin/python3 "$BATS_TEST_DIRNAME/alert_rules.py" "$tunescope" \
		"$BATS_TEST_TMPDIR/quick.conf" "$BATS_TEST_TMPDIR"
	expect_status 0
	echo "$output" >&3
	[ "$(grep -E '^High' <<<"$output")" = $'HighErrorRate 9102\nHighResponseTime 9101' ] || complain "other alerts"
	! grep '^health' <<<"$output" | grep -v ' ok ' || complain "rules that cannot be evaluated"
	for port in 9101 9102 9103; do
		grep -q "^value HighResponseTime $port " <<<"$output" || complain "no service time of $port"
	done
	awk '$1 == "value" && $2 == "HighResponseTime" && $3 == 9101 && $4 > 0.5 && $4 <= 1 { good = 1 } END { exit !good }' \
		<<<"$output" || complain "the slow one"
}
