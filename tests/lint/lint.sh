#!/bin/bash
# lint.sh: what can be told without running the game. make lint calls it, with HOLDFAST_BUILD set.
set -u
: "${HOLDFAST_BUILD:=build}"
cd "$(dirname "$0")/../.." || exit 2

bad=0
check() { # check WHAT COMMAND...: what the command says is shown only when it fails
	local what=$1 said
	shift
	if ! said=$("$@" 2>&1); then
		printf '%s\n' "$said" >&2
		echo "lint: $what" >&2
		bad=1
	fi
}

check "a file includes what stands above it" tests/lint/floors.sh
check "a header's guard or first line is wrong" tests/lint/guards.sh
check "JSON is read without a limit" tests/lint/json.sh
check "README.md names what is not there" tests/lint/readme.sh
check "a file names a path of one machine" tests/lint/paths.sh
check "the manual of the wire says what the code does not" tests/lint/wire_manual.py
check "Wireshark is told of other messages than there are" tests/lint/dissector.py
check "the lint itself does not find what it should" tests/lint/selftest.sh

check "a configuration that we ship is refused" \
	"$HOLDFAST_BUILD/holdfast-multiplexer" --check-config --config etc/multiplexer.conf
check "a configuration that we ship is refused" \
	"$HOLDFAST_BUILD/holdfast-server" --check-config --config etc/server.cfg --maps server/lua/maps

check "a configuration in etc/ does not show all there is" \
	tests/lint/examples.sh "$HOLDFAST_BUILD"

if command -v luacheck >/dev/null; then
	check "luacheck found something in our Lua" luacheck -q server/lua proto tests/system/maps
else
	echo "lint: luacheck is not installed, so Lua was not checked" >&2
fi
check "a Python file does not compile" \
	/usr/bin/python3 -c 'import sys
for name in sys.argv[1:]:
    compile(open(name, encoding="utf-8").read(), name, "exec")' $(find tests -name '*.py')
for script in .ci/run etc/deps.sh tests/lint/*.sh tests/model/*.sh; do
	check "a shell script does not parse" bash -n "$script"
done
exit $bad
