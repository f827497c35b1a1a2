#!/bin/sh
# deps.sh PACKAGE...: installs those Debian packages that are missing; silent when none is.
set -u

if ! command -v dpkg-query >/dev/null 2>&1; then
	# Not Debian: whoever runs it knows best. What is missing shows itself in the build.
	if pkg-config --exists libuv jansson libconfuse lua5.4 libcares openssl zlib sqlite3 libcrypt libcurl libedit 2>/dev/null &&
		[ -e /usr/share/llhttp/llhttp.c ]; then
		exit 0
	fi
	echo "deps: this is not a Debian system, so please install what these packages hold:" >&2
	echo "deps: $*" >&2
	exit 1
fi

have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
missing=
for package in "$@"; do
	case "
$have
" in
	*"
$package
"*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "deps: these packages are missing, and without root or sudo I cannot install them." >&2
		echo "deps: as root, run: apt-get install$missing" >&2
		exit 1
	fi
	sudo=sudo
fi

# Some of what the tests use are services (haproxy, nginx, unbound, oidentd, prometheus): wanted as
# programs: none shall run because it was installed for that, neither now ...
policy=/usr/sbin/policy-rc.d
ours=
hold_services() {
	[ -e $policy ] && return
	ours=yes
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
}
# ... nor when the machine starts again.
release_services() {
	[ -n "$ours" ] && $sudo rm -f $policy
	ours=
}
disable_services() {
	command -v systemctl >/dev/null 2>&1 || return 0
	for service in haproxy nginx unbound oidentd prometheus; do
		case "$missing " in
		*" $service "* | *" $service-light "*)
			$sudo systemctl --quiet disable "$service" >/dev/null 2>&1 ;;
		esac
	done
}

install() {
	# shellcheck disable=SC2086  # words are wanted
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 $missing </dev/null
}

echo "deps: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"; release_services' EXIT
hold_services
# A machine that never asked for the list of packages, or long ago, must ask now.
if ! install >"$log" 2>&1; then
	$sudo apt-get update -qq </dev/null >>"$log" 2>&1
	if ! install >>"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "deps: apt-get could not install$missing; what it said stands above." >&2
		exit 1
	fi
fi
disable_services
echo "deps: done" >&2
