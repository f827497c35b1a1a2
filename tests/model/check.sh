#!/bin/bash
# check.sh [FOLDER]: holds the models of the restart and of the second server to what is promised, and to
# their mutations, which they must find. make model calls it. What spin and pan said stays in FOLDER
# (build/model).
set -u
cd "$(dirname "$0")/../.." || exit 2
out=${1:-build/model}
cc=${CC:-gcc}
optimize=-O1
model=restart
bad=0

if ! command -v spin >/dev/null; then
	echo "model: spin is not installed; 'make deps' installs it" >&2
	exit 1
fi

search() { # search NAME FLAG...: tries all there is; leaves FOLDER/NAME/pan.out
	local dir=$out/$1
	shift
	rm -rf "$dir" && mkdir -p "$dir" || exit 1
	# The tables of states are included from the C: one preprocessor for both.
	"$cc" -E -P -x c -I. "$@" "tests/model/$model.pml" >"$dir/$model.i" &&
		(cd "$dir" && spin -a "$model.i" >spin.out 2>&1 && [ -f pan.c ] &&
			"$cc" $optimize -w -DSAFETY -DCOLLAPSE -DNOREDUCE -DMEMLIM=1000 -o pan pan.c 2>>spin.out) || {
		cat "$dir/spin.out" >&2
		exit 1
	}
	(cd "$dir" && ./pan -m100000 -w21 >pan.out 2>&1)
}

found() { # found NAME: what is wrong with it, if anything
	local said=$out/$1/pan.out
	sed -n 's/^pan:1: //p' "$said"
	grep -E 'max search depth too small|not completed|reached -DMEMLIM|out of memory' "$said"
	grep -q 'errors: ' "$said" || echo "pan did not end"
}

# Where every run must come to; a model that cannot get there would fulfil everything.
reaches_its_end() {
	! sed -n '/^unreached in proctype the_end/,/^unreached in/p' "$out/$1/pan.out" | grep -q assert
}

holds() { # holds NAME WHAT FLAG...
	local name=$1 what=$2 why
	shift 2
	search "$name" "$@"
	why=$(found "$name")
	[ -n "$why" ] || reaches_its_end "$name" || why="no run comes to its end"
	if [ -z "$why" ]; then
		printf 'model: holds:   %s (%s states)\n' "$what" \
			"$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$out/$name/pan.out")"
		return
	fi
	bad=1
	echo "model: BROKEN:  $what: $why" >&2
	echo "model: the steps: cd $out/$name && spin -t -p -g $model.i" >&2
}

breaks() { # breaks NAME WHAT ASSERTION FLAG...: pan must find that assertion violated
	local name=$1 what=$2 assertion=$3 why
	shift 3
	search "$name" "$@"
	why=$(found "$name")
	if grep -qF "assertion violated $assertion" <<<"$why"; then
		echo "model: found:   $what"
	else
		bad=1
		echo "model: MISSED:  $what: expected $assertion, got: ${why:-nothing}" >&2
	fi
}

holds restart "an orderly restart: every line once, in order" -DRESTARTS=1
holds restart-pause "an orderly restart with PAUSE and PAUSED: the same" -DRESTARTS=1 -DPAUSE
holds restart-pipe "an orderly restart, more room in the pipes: the same" \
	-DRESTARTS=1 -DPIPE=2 -DLINES=1
holds restart-flood "an orderly restart, one user types much: the same" \
	-DRESTARTS=1 -DLINES=5 -DOTHERS=0
holds restart-twice "two orderly restarts: the same" -DRESTARTS=2 -DOTHERS=0 -DLINES=3
holds crash "a crash: at most once, in order; only what was on the link is missing" -DCRASHES=1
holds crash-twice "two crashes: the same" -DCRASHES=2 -DOTHERS=0 -DLINES=3
holds crash-restart "a crash and an orderly restart, each at any moment of the other: the same" \
	-DCRASHES=1 -DRESTARTS=1 -DOTHERS=0
holds cut "the multiplexer cuts the link, the server lives: the same" -DCUTS=1 -DOTHERS=0 -DLINES=3
holds cut-restart "such a cut, and an orderly restart: the same" \
	-DCUTS=1 -DRESTARTS=1 -DOTHERS=0 -DLINES=1

optimize=-O0 # these end soon
breaks no-marker "no marker: a line comes when nobody handles it" '((state==' -DRESTARTS=1 -DNO_MARKER
breaks no-hold "input flows while NOT READY: a line comes behind the marker" '((state==' \
	-DRESTARTS=1 -DNO_HOLD
breaks no-key "the place of a user is his key: who comes next gets his messages" '(u==who)' \
	-DRESTARTS=1 -DNO_KEY
breaks no-key-crash "the same, and a crash" '(u==who)' -DCRASHES=1 -DNO_KEY
breaks stop-reading "who cannot write does not read: both wait for ever" '(((((q_len(muxq)==0)' \
	-DLINES=5 -DOTHERS=0 -DSTOP_READING
breaks overtake "what is held is overtaken: lines change places" '((n-1)<=' -DRESTARTS=1 -DOVERTAKE
breaks replay "what may be lost is sent again: a line is handled twice" '(n>handled[' \
	-DCRASHES=1 -DREPLAY
breaks leaver "(not promised) what a user typed who left while the game was away is handled" \
	'((held[' -DRESTARTS=1 -DLEAVER_IS_HEARD

model=standby
optimize=-O1
holds takeover "two takeovers: no line for two servers, none lost untold; the saved is the newest" \
	-DTAKEOVERS=2
holds takeover-crash "two takeovers and a crash: the same" -DTAKEOVERS=2 -DCRASHES=1
holds takeover-crashes "a takeover and two crashes: the same" -DTAKEOVERS=1 -DCRASHES=2
holds takeover-timeout "a takeover, a crash, and one that answers too late: the same" \
	-DTAKEOVERS=1 -DCRASHES=1 -DTIMEOUTS=1
holds takeover-tcp "the same over TCP, which may lose what was written" \
	-DTAKEOVERS=1 -DCRASHES=1 -DTIMEOUTS=1 -DTCP
optimize=-O0
breaks resend "what is in doubt is sent to the next server: a line is given to two" '(given[told]==0)' \
	-DTAKEOVERS=1 -DRESEND
breaks no-doubt "a crash is taken for a goodbye: a line is lost and nobody told" '(handled[n]||doubted[n])' \
	-DCRASHES=1 -DNO_DOUBT
breaks no-doubt-tcp "the same of a takeover" '(handled[n]||doubted[n])' -DTAKEOVERS=1 -DNO_DOUBT -DTCP
breaks early "what is only read is told to be handled: the same" '(handled[n]||doubted[n])' \
	-DCRASHES=1 -DEARLY
breaks no-reign "one that comes back is not told of the other: it goes on with what it knew" \
	'(count[s]>=n)' -DTAKEOVERS=2 -DNO_REIGN
breaks no-reign-crash "the same, and the other has crashed" '(count[s]>=n)' \
	-DTAKEOVERS=1 -DCRASHES=1 -DNO_REIGN
breaks reads-old "who lost the link is still heard: what it saves takes the place of the newer" \
	'(count[at]==saved)' -DTAKEOVERS=1 -DREADS_OLD
exit $bad
