#!/usr/bin/env bash
# Installs what is missing and nothing else: the Debian packages of apt-packages.txt, then .venv as constraints.txt
# pins it. A second run finds everything in place and installs nothing.
#
# Exit 2: something is missing that only the user can supply; the last line says what to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# GStreamer's bindings belong to the system's Python, whatever python3 is first on PATH.
readonly SYSTEM_PYTHON=/usr/bin/python3
readonly VENV=.venv
readonly STAMP=$VENV/installed

say() { printf '%s\n' "$*" >&2; }

missing_packages() {
    local wanted present
    wanted=$(sed 's/#.*//' apt-packages.txt | xargs -n1 | sort -u)
    # shellcheck disable=SC2086  # one word per package
    present=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
        awk '$1 == "installed" { print $2 }' | sort -u) || true
    comm -23 <(echo "$wanted") <(echo "$present") | xargs
}

install_packages() {
    local packages=$1 as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! { command -v sudo && sudo -n true; } >/dev/null 2>&1; then
            say "roomtape needs these packages; install them as root and run this again:"
            say "  apt-get install --no-install-recommends $packages"
            exit 2
        fi
        as_root=(sudo -n)
    fi
    say "installing $packages"
    "${as_root[@]}" apt-get update --quiet
    # shellcheck disable=SC2086
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends $packages
    # Only the tests use coturn, on ports of their own: its system service is not wanted.
    if [[ " $packages " == *" coturn "* && -d /run/systemd/system ]]; then
        "${as_root[@]}" systemctl disable --now --quiet coturn.service
    fi
}

# What .venv depends on; it is made anew when this changes. A venv cannot be moved, so the folder counts too.
venv_key() {
    { pwd -P; "$SYSTEM_PYTHON" --version; cat constraints.txt scripts/setup.sh; } | sha256sum | cut -d' ' -f1
}

make_venv() {
    if ! "$SYSTEM_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "roomtape needs Python 3.11 as $SYSTEM_PYTHON (Debian 12, Ubuntu 24.04 or newer)"
        exit 2
    fi
    say "making $VENV"
    "$SYSTEM_PYTHON" -m venv --clear --system-site-packages "$VENV"
    local pip=("$VENV/bin/python" -m pip --disable-pip-version-check install --quiet --constraint constraints.txt)
    "${pip[@]}" setuptools
    "${pip[@]}" --no-build-isolation --editable '.[dev]'
    venv_key >"$STAMP"
}

packages=$(missing_packages)
if [ -n "$packages" ]; then
    install_packages "$packages"
fi
if [ ! -x "$VENV/bin/python" ] || [ "$(cat "$STAMP" 2>/dev/null)" != "$(venv_key)" ]; then
    make_venv
fi
