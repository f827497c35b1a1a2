#!/bin/bash
# selftest.sh: a lint that finds nothing may be blind, so each is shown a fault it must see.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT

mkdir -p "$top"/{common/ctl,proto,multiplexer,server}
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
must_refuse floors.sh server/a.def '#include "tests/x.h"'
must_refuse floors.sh server/a.c '#include "game.h"'
must_refuse guards.sh server/a.h '/* A thing. */
#ifndef A_H
#define A_H
#endif'
must_refuse guards.sh server/b.h '#ifndef SERVER_B_H
#define SERVER_B_H
#endif'
exit $bad
