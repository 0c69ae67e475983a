#!/bin/sh
# Installs Chromium for the browser tests where it is not: as root, or with a sudo that asks for nothing.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "Chromium is not installed. Install it as root: apt-get install chromium" >&2
    exit 1
fi
$as_root apt-get update -q
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends chromium
