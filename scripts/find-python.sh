#!/bin/sh
# Prints the path of a CPython >= 3.12 that really executes, or says what was tried and exits 1.
# Order: $ARMSTRONG_PYTHON, .python-version, python3.14 … python3.12, ~/.pyenv/versions, python3, uv python find.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
pyenv=${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}/versions

# A pyenv shim is on PATH for every version but exits 127 for most, and Debian's python3 comes without ensurepip:
# only running it tells. Free-threaded builds and other implementations have no wheels of what we need.
usable() {
    "$1" -c 'import ensurepip, sys, sysconfig, venv
sys.exit(
    sys.version_info < (3, 12)
    or sys.implementation.name != "cpython"
    or bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
)' >/dev/null 2>&1
}

try() {
    path=$(command -v "$1" 2>/dev/null) || return 0
    if usable "$path"; then
        "$path" -c 'import sys; print(sys.executable)'
        exit 0
    fi
}

if [ -n "${ARMSTRONG_PYTHON:-}" ]; then
    try "$ARMSTRONG_PYTHON"
    echo "ARMSTRONG_PYTHON=$ARMSTRONG_PYTHON is not a CPython >= 3.12 with venv and ensurepip." >&2
    exit 1
fi
wanted=$(cat "$root/.python-version" 2>/dev/null)
if [ -n "$wanted" ]; then
    try "python$wanted"
    for python in "$pyenv/$wanted"*/bin/python; do try "$python"; done
fi
for version in 3.14 3.13 3.12; do try "python$version"; done
for python in "$pyenv"/3.1[2-9]*/bin/python; do try "$python"; done
try python3
if command -v uv >/dev/null 2>&1; then try "$(uv python find --no-python-downloads '>=3.12' 2>/dev/null)"; fi

echo "No CPython >= 3.12 with venv and ensurepip found." >&2
echo "Looked at: ARMSTRONG_PYTHON, .python-version, python3.14 to 3.12, $pyenv, python3, uv python find." >&2
echo "Install one, or name it: make run ARMSTRONG_PYTHON=/path/to/python3.13" >&2
exit 1
