#!/bin/bash
# guards.sh [TOP]: each header is guarded by the name that its place gives it (COMMON_BUF_H), and
# opens with a sentence that says what it is for.
set -u
cd "${1:-.}" || exit 2

bad=0
while IFS= read -r header; do
	guard=$(tr 'a-z/.-' 'A-Z___' <<<"$header")
	if ! grep -qx "#ifndef $guard" "$header" || ! grep -qx "#define $guard" "$header"; then
		echo "$header: its guard must be $guard" >&2
		bad=1
	fi
	if [[ $(head -n 1 "$header") != '/* '* ]]; then
		echo "$header:1: must open with a comment that says what it is for" >&2
		bad=1
	fi
done < <(find common proto multiplexer server -name '*.h' | sort)
exit $bad
