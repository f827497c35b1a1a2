#!/bin/bash
# selftest.sh: a lint that finds nothing may be blind, so each is shown a fault it must see.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

mkdir -p "$top"/{common/ctl,proto,multiplexer/tls,server}
bad=0
must_refuse() { # must_refuse LINT FILE TEXT: a tree with that one file more
	printf '%s\n' "$3" >"$top/$2"
	if "$here/$1" "$top" 2>/dev/null; then
		echo "selftest: $1 accepts $2 with: $3" >&2
		bad=1
	fi
	rm "$top/$2"
	if ! "$here/$1" "$top"; then
		echo "selftest: $1 refuses a tree with nothing wrong" >&2
		bad=1
	fi
}

must_refuse floors.sh common/a.c '#include "proto/message.h"'
must_refuse floors.sh common/a.h '#include "common/ctl/run.h"'
must_refuse floors.sh common/ctl/a.c '#include "proto/message.h"'
must_refuse floors.sh proto/a.c '#include "server/game.h"'
must_refuse floors.sh server/a.c '#include "multiplexer/mux.h"'
must_refuse floors.sh multiplexer/a.c '#  include "server/game.h" /* no */'
must_refuse floors.sh multiplexer/tls/a.c '#include "multiplexer/mux.h"'
must_refuse floors.sh server/a.def '#include "tests/x.h"'
must_refuse floors.sh server/a.c '#include "game.h"'
must_refuse json.sh server/a.c 'json_loads(text, 0, NULL)'
must_refuse json.sh common/a.h 'x = json_loadb (at, 1, 0, &why);'
must_refuse guards.sh server/a.h '/* A thing. */
#ifndef A_H
#define A_H
#endif'
must_refuse guards.sh server/b.h '#ifndef SERVER_B_H
#define SERVER_B_H
#endif'

# The manual of the wire: one thing in it, or one thing that it tells of, becomes another.
manual=$top/manual
mkdir -p "$manual"/{proto,multiplexer,server,tests/fuzz}
cp -r "$here/../fuzz/corpus" "$manual/tests/fuzz/"
must_disagree() { # must_disagree FILE SED-SCRIPT [LINT]
	local lint=${3:-wire_manual.py}
	for f in proto/README.md proto/agnet.lua proto/messages.def multiplexer/linkstates.def server/muxstates.def; do
		cp "$here/../../$f" "$manual/$f"
	done
	sed -i "$2" "$manual/$1"
	if "$here/$lint" "$manual" 2>/dev/null; then
		echo "selftest: $lint accepts $1 after: $2" >&2
		bad=1
	fi
}

must_disagree proto/README.md '/^| 47 |/d'
must_disagree proto/README.md 's/^| 22 | 16 | down/| 22 | 16 | up/'
must_disagree proto/README.md 's/key who, uint seconds/key who, text seconds/'
must_disagree proto/README.md 's/04 00 05 00/04 00 06 00/'
must_disagree proto/README.md 's/^-> I AM ALIVE/<- I AM ALIVE/'
must_disagree proto/README.md 's/^-> LOST SUBCLIENT 7:5:199/-> LOST SUBCLIENT 7:5:198/'
must_disagree proto/README.md 's/^   03 00 04 00/   04 00 04 00/'
must_disagree proto/README.md 's/^| MARKED | ALONE, QUIET, LEAVING/| MARKED | ALONE/'
must_disagree proto/messages.def 's/^DOWN(38/DOWN(32/'
must_disagree proto/messages.def 's/^DOWN(22/UP  (22/'
must_disagree multiplexer/linkstates.def 's/TO(DOWN) TO(HELD),/TO(HELD),/'
must_disagree tests/fuzz/corpus/message/valid-25 's/./&&/'
must_disagree proto/agnet.lua '/"READY"/d' dissector.py
must_disagree proto/agnet.lua 's/"uint seconds"/"text seconds"/' dissector.py
must_disagree proto/agnet.lua 's/\[21\] = {"up"/[21] = {"down"/' dissector.py
must_disagree proto/messages.def 's/TEXT(ip)/TEXT(address)/' dissector.py

# What our Lua may use is read from the manual: what is not there is found.
if command -v luacheck >/dev/null; then
	cd "$here/../.." || exit 2
	printf 'game.on("join", function(p) p:send(json.encode(accept())) end)\nstore.a.b = json.null\n' >"$top/good.lua"
	if ! luacheck -q --config .luacheckrc "$top/good.lua" >/dev/null; then
		echo "selftest: luacheck refuses what the manual has" >&2
		bad=1
	fi
	for wrong in 'game.onn("join")' 'pleyers()' 'players = 1' 'json.nul()' 'test("x")'; do
		echo "$wrong" >"$top/wrong.lua"
		if luacheck -q --config .luacheckrc "$top/wrong.lua" >/dev/null; then
			echo "selftest: luacheck accepts $wrong" >&2
			bad=1
		fi
	done
fi
exit $bad
