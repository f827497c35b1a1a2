#!/bin/bash
# floors.sh [TOP]: no file may include what stands above its floor.
#
#   3  tests/                     anything below; nothing reaches it
#   2  multiplexer/  server/      proto, common, own folder; never each other
#      multiplexer/tls/           common, own folder: a program that has nothing in it but TLS
#   1  proto/                     common, own folder
#   0  common/                    itself (common/ctl too: it is a program, so nothing includes it)
#
# Includes are written from the top folder ("proto/message.h"); those by a bare name ("row.h") are
# refused, because they hide where they come from.
set -u
cd "${1:-.}" || exit 2

may_include() { # may_include FILE: the folders that FILE may include, as a pattern
	case $1 in
	common/ctl/*) echo 'common/ctl|common' ;;
	common/*) echo 'common' ;;
	proto/*) echo 'proto|common' ;;
	multiplexer/tls/*) echo 'multiplexer/tls|common' ;;
	multiplexer/*) echo 'multiplexer|proto|common' ;;
	server/*) echo 'server|proto|common' ;;
	esac
}

bad=0
while IFS= read -r file; do
	may=$(may_include "$file")
	while IFS=: read -r line name; do
		folder=${name%/*}
		[ "$folder" = "$name" ] && folder='(bare name)'
		allowed=
		IFS='|' read -ra folders <<<"$may"
		for f in "${folders[@]}"; do
			# A folder stands for those below it, but common/ctl is a program of its own.
			if [ "$folder" = "$f" ] || { [[ $folder == "$f"/* ]] && [ "$folder" != common/ctl ]; }; then
				allowed=yes
			fi
		done
		if [ -z "$allowed" ]; then
			echo "$file:$line: may not include \"$name\": only from ${may//|/, }" >&2
			bad=1
		fi
	done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/;t p;d;:p;=;p' "$file" |
		paste -d: - -)
done < <(find common proto multiplexer server -name '*.[ch]' -o -name '*.def' | sort)
exit $bad
