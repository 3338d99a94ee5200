# SPDX-License-Identifier: GPL-2.0-only
# bash completion for tunescope. Commands and options come from `tunescope help`, so that they
# cannot fall behind; only what a value may be is written down here.

_tunescope_words() {
	# The first word of each indented line of the command list, or the options of one command.
	if [ $# -eq 0 ]; then
		"${COMP_WORDS[0]}" help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
	else
		"${COMP_WORDS[0]}" help "$1" 2>/dev/null | grep -oE '^ +(-[a-z], )?--[a-z-]+' |
			grep -oE -e '--?[a-z-]+$'
	fi
}

_tunescope_profiles() {
	local file directory
	for directory in /usr/share/tunescope/profiles /usr/local/share/tunescope/profiles \
		/etc/tunescope/profiles; do
		for file in "$directory"/*.conf; do
			[ -e "$file" ] && basename "$file" .conf
		done
	done
}

# Completes the last name of a comma-separated list.
_tunescope_list() {
	local current=$1 words=$2 prefix=
	case $current in
	*,*) prefix=${current%,*}, ;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$words" -- "${current##*,}")
}

_tunescope() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_tunescope_words) --help --version" -- "$current")
		return
	fi
	case $previous in
	-d | --duration)
		mapfile -t COMPREPLY < <(compgen -W "500ms 10s 1m 10m 1h" -- "$current")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$current")
		return
		;;
	--btf | -o | --output | --baseline | --budgets | --junit | --store)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--profile | --alert-rules)
		mapfile -t COMPREPLY < <(
			compgen -W "$(_tunescope_profiles)" -- "$current"
			compgen -f -- "$current"
		)
		return
		;;
	--disable)
		# The mistake names everything that is accepted.
		_tunescope_list "$current" "$("${COMP_WORDS[0]}" doctor --disable '?' 2>&1 |
			sed -n 's/.*accepted: //p' | tr -d ,)"
		return
		;;
	--scope)
		mapfile -t COMPREPLY < <(compgen -W "cmd host" -- "$current")
		return
		;;
	--fail-on)
		mapfile -t COMPREPLY < <(compgen -W "medium high" -- "$current")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$current")
		return
		;;
	--)
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
		return
		;;
	--listen)
		mapfile -t COMPREPLY < <(compgen -W "127.0.0.1:10469 [::1]:10469 :10469" -- "$current")
		return
		;;
	--textfile)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--max-series)
		mapfile -t COMPREPLY < <(compgen -W "1000 10000 100000" -- "$current")
		return
		;;
	--disable-program | --from | --to) return ;;
	--interval)
		mapfile -t COMPREPLY < <(compgen -W "1s 10s 1m" -- "$current")
		return
		;;
	--keep)
		mapfile -t COMPREPLY < <(compgen -W "1d 7d 30d" -- "$current")
		return
		;;
	--max-size)
		mapfile -t COMPREPLY < <(compgen -W "128M 512M 2G" -- "$current")
		return
		;;
	--window)
		mapfile -t COMPREPLY < <(compgen -W "10s 1m 10m 1h" -- "$current")
		return
		;;
	--markdown)
		mapfile -t COMPREPLY < <(compgen -W "rules settings signals" -- "$current")
		return
		;;
	--family)
		_tunescope_list "$current" "$("${COMP_WORDS[0]}" dump --family '?' . 2>&1 | sed -n 's/^  //p')"
		return
		;;
	--rule)
		_tunescope_list "$current" "$("${COMP_WORDS[0]}" replay --rule '?' . 2>&1 | sed -n 's/^  //p')"
		return
		;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$(_tunescope_words)" -- "$current")
		return
		;;
	esac
	case ${COMP_WORDS[1]}:$current in
	*:-*) ;;
	explain:*)
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" explain 2>/dev/null |
			sed -n 's/^  \([^ ]\{1,\}\) .*/\1/p')" -- "$current")
		return
		;;
	baseline:*)
		mapfile -t COMPREPLY < <(
			[ "$COMP_CWORD" -gt 2 ] || compgen -W "add update list show" -- "$current"
			[ "$COMP_CWORD" -le 2 ] || compgen -f -- "$current"
		)
		return
		;;
	dump:* | replay:* | report:* | diff:* | check:*)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$(_tunescope_words "${COMP_WORDS[1]}")" -- "$current")
}

complete -F _tunescope tunescope
