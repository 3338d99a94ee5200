#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bats file_tags=alone
# A real Prometheus on a real load, and what is installed beside the exporter.
. "$BATS_TEST_DIRNAME/cli.bash"

# The two numbers behind a comparison differ by less than the factor; all below least is the same.
agrees() { # factor, what, least
	awk -v factor="$1" -v what="$2" -v least="${3:-0}" 'index($0, what " ") == 1 {
		seen = 1; a = $(NF - 1); b = $NF
		if (a < least) a = least
		if (b < least) b = least
		if (a <= 0 || b <= 0 || a / b > factor || b / a > factor) wrong = 1
	} END { exit !seen || wrong }' <<<"$output" || complain "$2: not within a factor of $1"
}

everything_agrees() {
	local family
	agrees 1.0001 up || return
	agrees 1.1 "rate context_switches" || return
	# Bursts come twice a second: one more or less of them is within the window.
	agrees 1.15 "rate TcpExtListenOverflows" || return
	agrees 1.15 "rate TcpPassiveOpens" || return
	agrees 1.15 "rate listener_drops" || return
	# A bucket of these families is a factor of 1.41 wide, but for the first one.
	for family in runq_latency oncpu_time; do
		agrees 1.45 "quantile $family 50" 0.00000095367431640625 || return
		agrees 1.45 "quantile $family 99" 0.00000095367431640625 || return
	done
	agrees 1.1 snapshots || return
	read -r _ exported advised < <(grep ^findings <<<"$output")
	expect "accept-queue/net.core.somaxconn/*/port:9000" "$exported" || return
	[ "$exported" = "$advised" ] || complain "findings differ"
}

# All expressions of the dashboard, variables replaced as Grafana would.
expressions() {
	jq -r '[.. | objects | .expr? // empty] + [.templating.list[] | .definition? // empty] | .[]' \
		"$tree/contrib/grafana-dashboard.json" |
		sed -E 's/label_values\((.*), *[a-z_]+\)/\1/; s/\$__rate_interval/1m/g; s/\$__interval/1m/g;
			s/\$__range/1h/g; s/\$\{?[a-z_]+\}?/.*/g'
}

@test "PromQL agrees with the kernel's own counts, and with advise, over the same seconds" {
	# What else the host does can disturb a comparison of the living: the third run decides.
	for attempt in first second third; do
		directory=$BATS_TEST_TMPDIR/$attempt
		mkdir "$directory"
		run --separate-stderr timeout 120 /usr/bin/python3 "$BATS_TEST_DIRNAME/export_prometheus.py" \
			"$tunescope" "$directory"
		expect_status 0
		echo "$output" >&3
		if [ "$attempt" = third ]; then
			everything_agrees
		else
			! everything_agrees >&3 || break
		fi
	done
}

@test "the dashboard: what Grafana needs, every expression parses, every metric exists" {
	dashboard=$tree/contrib/grafana-dashboard.json
	jq -e '.schemaVersion >= 38 and (.title | length > 0) and (.uid | length > 0) and .id == null
		and any(.templating.list[]; .type == "datasource" and .query == "prometheus")
		and ([.panels[] | select(.type != "row")] | length >= 20)
		and ([.. | objects | select(has("targets")) | .datasource.uid] | all(. == "${datasource}"))
		and ([.panels[].id] | length == (unique | length))
		and any(.panels[]; .type == "heatmap") and any(.panels[]; .type == "table")' "$dashboard" >/dev/null ||
		complain "not what Grafana needs"
	# No two panels overlap.
	jq -e '[.panels[].gridPos] as $p | all(range($p | length) as $i | range($i) as $j | $p[$i] as $a | $p[$j] as $b
		| ($a.x + $a.w <= $b.x or $b.x + $b.w <= $a.x or $a.y + $a.h <= $b.y or $b.y + $b.h <= $a.y); .)' \
		"$dashboard" >/dev/null || complain "panels overlap"
	{
		echo 'groups: [{name: dashboard, rules: ['
		expressions | jq -Rr '"{record: \"a:b\", labels: {n: \"\(input_line_number)\"}, expr: \(@json)},"'
		echo ']}]'
	} >"$BATS_TEST_TMPDIR/rules.yml"
	run promtool check rules "$BATS_TEST_TMPDIR/rules.yml"
	expect_status 0
	expect "*SUCCESS: [1-9][0-9] rules found*" "$output"

	"$tunescope" export --textfile "$BATS_TEST_TMPDIR/t.prom" --once --interval 1s
	# Samples of a family only appear when something has happened: its name follows from its row.
	{
		sed -nE 's/^# TYPE ([a-z_]+) .*/\1/p' "$BATS_TEST_TMPDIR/t.prom"
		printf '%s\n' tunescope_finding tunescope_finding_harm tunescope_http_connections \
			tunescope_http_requests_total tunescope_http_cut_off_total
		sed -nE 's/^X\([A-Z_]+, *"([a-z_]+)", *([A-Z]+), *([A-Z]+),.*/\1 \2 \3/p' \
			"$tree/include/tunescope/families.h" | while read -r name kind unit; do
			case $unit in SECONDS) unit=seconds ;; BYTES) unit=bytes ;; *) unit= ;; esac
			if [ -n "$unit" ]; then
				name=$(sed -E "s/(^|_)$unit(_|\$)/\1/; s/_\$//" <<<"$name")_$unit
			fi
			[ "$kind" != COUNTER ] || name+=_total
			echo "tunescope_$name"
		done
	} | sort -u >"$BATS_TEST_TMPDIR/known"
	expressions | grep -oE 'tunescope_[a-z_]+' | sed -E 's/_(bucket|sum|count)$//' | sort -u >"$BATS_TEST_TMPDIR/used"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/used")" -gt 20 ]
	unknown=$(comm -13 "$BATS_TEST_TMPDIR/known" "$BATS_TEST_TMPDIR/used")
	[ -z "$unknown" ] || complain "not exported: $unknown"
}

@test "the scrape configuration is one Prometheus takes, for the port that is the default" {
	promtool check config --syntax-only "$tree/contrib/prometheus-scrape.yml"
	port=$("$tunescope" help export | grep -oE '127\.0\.0\.1:[0-9]+' | head -1)
	grep -q "localhost:${port#*:}" "$tree/contrib/prometheus-scrape.yml"
	grep -q "export" "$tree/contrib/tunescope-exporter.service"
}
