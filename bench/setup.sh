#!/usr/bin/env bash
# Installs what `make bench` needs beyond `make setup`, and nothing the second time: the packages of
# bench/apt-packages.txt, a venv of its own for aiortc, and the built floor.c. Everything but the packages is in
# bench/built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

mapfile -t packages < <(sed 's/#.*//' apt-packages.txt | xargs -n1)
if ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update --quiet
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${packages[@]}"
    # The bench starts Janus itself: its system service is not wanted.
    if [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now --quiet janus.service
    fi
fi
mkdir -p built
if [ constraints.txt -nt built/venv/installed ]; then
    /usr/bin/python3 -m venv --clear built/venv
    built/venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement constraints.txt
    touch built/venv/installed
fi
if [ peers/floor.c -nt built/floor ]; then
    cc -O2 -o built/floor peers/floor.c -lcrypto
fi
