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
stamp=$(cat $locks pyproject.toml | cksum | tr ' ' '-')
[ -f "$venv/.installed-$wanted-$stamp" ] && exit 0

if ! "$venv/bin/python" -c '' >/dev/null 2>&1; then
    python=$(sh scripts/find-python.sh)
    say "python: $python"
    "$python" -m venv --clear "$venv"
fi
if [ ! -x "$venv/bin/uv" ]; then
    say "installing the installer (uv) into $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
fi
say "installing $wanted requirements (hash-locked)"
arguments=""
for lock in $locks; do arguments="$arguments --requirement $lock"; done
# shellcheck disable=SC2086
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes $arguments
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
rm -f "$venv/.installed-$wanted-"*
touch "$venv/.installed-$wanted-$stamp"
