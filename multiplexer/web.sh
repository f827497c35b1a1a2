#!/bin/sh
# web.sh DIRECTORY: writes the C table of the files in it, for web.c, to standard output.
set -eu
cd "$1"

bytes() { # bytes NAME FILE: the file as an array
	printf 'static const uint8_t %s[] = {\n' "$1"
	od -An -v -tx1 "$2" | sed 's/ \(..\)/0x\1,/g'
	printf '};\n'
}

type_of() {
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.js) echo 'text/javascript; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.svg) echo 'image/svg+xml' ;;
	*.png) echo 'image/png' ;;
	*.json) echo 'application/json' ;;
	*.webmanifest) echo 'application/manifest+json' ;;
	*.txt) echo 'text/plain; charset=utf-8' ;;
	*) echo "web.sh: what type is $1?" >&2 && exit 1 ;;
	esac
}

zipped=$(mktemp)
trap 'rm -f "$zipped"' EXIT
echo '/* Made by multiplexer/web.sh. */'
echo '#include "multiplexer/web.h"'
n=0
rows=
for file in *; do
	type=$(type_of "$file")
	gzip -9nc "$file" >"$zipped"
	bytes "file_$n" "$file"
	bytes "zipped_$n" "$zipped"
	rows="$rows	{\"$file\", \"$type\", \"$(sha256sum "$file" | cut -c 1-16)\",
		{file_$n, sizeof file_$n}, {zipped_$n, sizeof zipped_$n}},
"
	n=$((n + 1))
done
printf 'const struct web_file web_files[] = {\n%s};\n' "$rows"
echo "const size_t web_file_count = $n;"
