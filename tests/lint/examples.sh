#!/bin/bash
# examples.sh BUILD: the configurations in etc/ show every setting there is, each with its default.
set -u
build=$1
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

names() { # names FILE ROW: the second argument of each ROW(...)
	sed -nE "s/^$2\([A-Z]+, *([A-Za-z0-9_]+),.*/\1/p" "$1"
}

line_of() { # line_of FILE PATTERN: FILE:LINE of the first that matches
	echo "$1:$(grep -nE -m 1 "$2" "$1" | cut -d: -f1)"
}

for name in $(names multiplexer/options.def OPTION); do
	grep -q "^# $name = " etc/multiplexer.conf && continue
	echo "$(line_of multiplexer/options.def "^OPTION\([A-Z]+, *$name,"):" \
		"etc/multiplexer.conf does not show '# $name = ...'" >&2
	bad=1
done
for name in $(names server/cvars.def CVAR); do
	grep -q "^// set $name " etc/server.cfg && continue
	echo "$(line_of server/cvars.def "^CVAR\([A-Z]+, *$name,"): etc/server.cfg does not show" \
		"'// set $name ...'" >&2
	bad=1
done

# With every comment taken away the multiplexer must have the same settings as with none.
sed -E 's/^# ([a-z_]+ = |listener [a-z0-9]+ \{)/\1/' etc/multiplexer.conf >"$work/shown.conf"
# The copies have the lines of what they are copies of.
if ! "$build/holdfast-multiplexer" --print-config --config "$work/shown.conf" \
	>"$work/shown" 2>"$work/said" || ! "$build/holdfast-multiplexer" --print-config >"$work/bare"; then
	sed "s,$work/shown.conf,etc/multiplexer.conf," "$work/said" >&2
	bad=1
elif ! diff "$work/bare" "$work/shown" >"$work/differ"; then
	sed -nE 's/^> ([a-z_]+) = .*/\1/p' "$work/differ" | while read -r name; do
		echo "$(line_of etc/multiplexer.conf "^# $name = "): shows (>) another default than the" \
			"program has (<)" >&2
	done
	cat "$work/differ" >&2
	bad=1
fi
sed -E 's,^// (set sv_),\1,' etc/server.cfg >"$work/shown.cfg"
if ! "$build/holdfast-server" --check-config --config "$work/shown.cfg" --maps server/lua/maps \
	>"$work/said" 2>&1; then
	sed "s,$work/shown.cfg,etc/server.cfg," "$work/said" >&2
	echo "etc/server.cfg: a setting that it shows is refused" >&2
	bad=1
fi
for name in $(names server/cvars.def CVAR); do
	preset=$(sed -nE "s/^CVAR\([A-Z]+, *$name, *\"([^\"]*)\".*/\1/p" server/cvars.def | tr -d ' ')
	shown=$(sed -nE "s,^// set $name \"?([^\"]*)\"?\$,\1,p" etc/server.cfg | tr -d ' ')
	[ "$preset" = "$shown" ] || ! grep -q "^// set $name " etc/server.cfg && continue
	echo "$(line_of etc/server.cfg "^// set $name "): $name is shown as '$shown'," \
		"but the default is '$preset'" >&2
	bad=1
done
exit $bad
