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

for name in $(names multiplexer/options.def OPTION); do
	grep -q "^# $name = " etc/multiplexer.conf && continue
	echo "etc/multiplexer.conf: does not show '# $name = ...'" >&2
	bad=1
done
for name in $(names server/cvars.def CVAR); do
	grep -q "^// set $name " etc/server.cfg && continue
	echo "etc/server.cfg: does not show '// set $name ...'" >&2
	bad=1
done

# With every comment taken away the multiplexer must have the same settings as with none.
sed -E 's/^# ([a-z_]+ = |listener [a-z0-9]+ \{)/\1/' etc/multiplexer.conf >"$work/shown.conf"
if ! "$build/holdfast-multiplexer" --print-config --config "$work/shown.conf" >"$work/shown" ||
	! "$build/holdfast-multiplexer" --print-config >"$work/bare"; then
	bad=1
elif ! diff -u "$work/bare" "$work/shown" >&2; then
	echo "etc/multiplexer.conf: shows (+) another default than the program has (-)" >&2
	bad=1
fi
sed -E 's,^// (set sv_),\1,' etc/server.cfg >"$work/shown.cfg"
if ! "$build/holdfast-server" --check-config --config "$work/shown.cfg" --maps server/lua/maps; then
	echo "etc/server.cfg: a setting that it shows is refused" >&2
	bad=1
fi
for name in $(names server/cvars.def CVAR); do
	preset=$(sed -nE "s/^CVAR\([A-Z]+, *$name, *\"([^\"]*)\".*/\1/p" server/cvars.def | tr -d ' ')
	shown=$(sed -nE "s,^// set $name \"?([^\"]*)\"?\$,\1,p" etc/server.cfg | tr -d ' ')
	[ "$preset" = "$shown" ] && continue
	echo "etc/server.cfg: $name is shown as '$shown', but the default is '$preset'" >&2
	bad=1
done
exit $bad
