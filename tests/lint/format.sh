#!/bin/bash
# format.sh FILE...: every file is as clang-format would write it. Another version would write
# otherwise, so only the one that Debian 12 has is asked.
set -u
: "${CLANG_FORMAT:=clang-format}"

version=$("$CLANG_FORMAT" --version 2>/dev/null)
if [[ $version != *"version 14."* ]]; then
	echo "format: not checked: clang-format 14 is wanted, here is: ${version:-none}" >&2
	exit 0
fi
"$CLANG_FORMAT" --dry-run -Werror "$@" && exit 0
echo "format: make format mends that." >&2
exit 1
