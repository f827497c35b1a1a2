#!/bin/bash
# readme.sh: what README.md names in `quotes` exists: tests, files and make's targets.
set -u
bad=0
miss() { # miss WHAT [NAME]: with the line that NAME stands in first
	local line=
	[ $# -gt 1 ] && line=:$(grep -nF -m 1 -- "$2" README.md | cut -d: -f1)
	echo "README.md$line: there is no $1" >&2
	bad=1
}

guards=$(sed -n '/^## What is always true/,/^## What is not/p' README.md | grep -oE '`[^` ]+`' | tr -d '`' | sort -u)
[ -n "$guards" ] || miss "guard in 'What is always true'"
for name in $guards; do
	case $name in
	*/) [ -d "$name" ] || miss "folder $name" "$name" ;;
	*/*) [ -e "$name" ] || miss "file $name" "$name" ;;
	test_) ;;
	test_*) grep -qrE "^def $name\(" tests/system --include='*.py' || miss "test $name" "$name" ;;
	*) grep -qrE "^static void $name\(" tests/unit --include='*.c' || miss "unit test $name" "$name" ;;
	esac
done

for name in $(grep -oE '`(multiplexer|server|common|proto|tests|etc)/[A-Za-z0-9_./-]*`' README.md | tr -d '`' | sort -u); do
	case $name in
	*NAME* | *FOLDER*) ;;
	*) [ -e "$name" ] || miss "$name" "$name" ;;
	esac
done

for target in $(grep -oE '(^    |`)make [a-z][a-z-]*' README.md | sed 's/.*make //' | sort -u); do
	grep -qE "^\.PHONY:.* $target( |$)|^\.PHONY: $target( |$)" Makefile || [[ $target == unit-* || $target == fuzz-* ]] ||
		miss "target 'make $target'" "make $target"
done
exit $bad
