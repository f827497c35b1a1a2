#!/bin/bash
# paths.sh: no file that is committed names a path of somebody's own machine.
set -u
if git grep -nIE '(^|[^A-Za-z0-9_./)}-])/(home|root|mnt|media|Users|w[o]rk)/[A-Za-z]' -- . 2>/dev/null; then
	echo "paths: the lines above name a path that exists on one machine only" >&2
	exit 1
fi
exit 0
