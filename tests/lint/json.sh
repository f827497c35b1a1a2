#!/bin/bash
# json.sh [TOP]: JSON is read by jsontext_read, which bounds it; but for a file of our own.
set -u
cd "${1:-.}" || exit 2

if grep -nE '\bjson_load(s|b|f|fd|_callback) *\(' -r common proto multiplexer server --include='*.[ch]' |
		grep -v '^common/jsontext\.c:' >&2; then
	echo "json: the lines above read JSON of any size and depth: see common/jsontext.h" >&2
	exit 1
fi
exit 0
