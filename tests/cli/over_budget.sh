#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Which programs are larger, or more work for the verifier, than instructions.conf allows.
#   over_budget.sh [elsewhere]     lines of name, instructions, instructions gone through come from standard input
# elsewhere: on another kernel than the budgets are of. Before 5.12 a program takes longer ways around what is missing
# there, and the verifier comes to the same place more often: half as large again, and four times the work.
exec awk -v larger="${1:+1.5}" -v work="${1:+4}" -v conf="$(dirname "$0")/instructions.conf" '
BEGIN {
	while ((getline <conf) > 0)
		if (/^[^#]/) { may[$1] = $2; may_verify[$1] = $3 }
	if (!("*" in may)) { print conf " cannot be read"; exit }
}
{ name = $1 in may ? $1 : "*" }
NF < 3 || $2 <= 0 || $3 <= 0 { print $1 ": its size is not known" }
$2 > may[name] * (larger ? larger : 1) { print $1 ": " $2 " instructions, may have " may[name] * (larger ? larger : 1) }
$3 > may_verify[name] * (work ? work : 1) { print $1 ": the verifier goes through " $3 ", may be " may_verify[name] * (work ? work : 1) }
END { if (!NR) print "no program" }'
