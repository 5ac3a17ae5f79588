#!/bin/sh
# Installs the packages of one stage (build or test) that packaging/packages lists and this machine
# has not. The name servers among them are neither started now nor at the next boot.
set -eu
stage=$1
wanted=$(sed -n "s/^$stage //p" "$(dirname "$0")/packages")

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not a Debian machine. Needed ($stage), under Debian's names:" $wanted >&2
    exit 0
fi

missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "Please install (as root): apt-get install$missing" >&2
        exit 1
    }
    as_root=sudo
fi

echo "  DEPS  $missing"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup() {
    [ -z "$made_policy" ] || $as_root rm -f $policy
    rm -f "$log"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# invoke-rc.d and deb-systemd-invoke ask this file whether a package may start its daemon.
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    made_policy=yes
fi

install_missing() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        -o DPkg::Lock::Timeout=300 $missing >"$log" 2>&1
}
if ! install_missing; then # the package lists may be absent or old
    $as_root apt-get update -q >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    install_missing || { cat "$log" >&2; exit 1; }
fi

if [ -d /run/systemd/system ]; then
    for package in $missing; do
        case $package in
        bind9) $as_root systemctl disable named >/dev/null 2>&1 || true ;;
        nsd | knot) $as_root systemctl disable "$package" >/dev/null 2>&1 || true ;;
        esac
    done
fi
