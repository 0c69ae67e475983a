#!/bin/sh
# Prints the path of a Python >= 3.12 that really executes, or says what was tried and exits 1.
# Order: $ARMSTRONG_PYTHON, .python-version, python3.14 … python3.12, ~/.pyenv/versions, uv python find.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)

# A pyenv shim is on PATH for every version but exits 127 for most: only running it tells.
usable() {
    [ -n "$1" ] && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

try() {
    path=$(command -v "$1" 2>/dev/null) || path=$1
    if usable "$path"; then
        "$path" -c 'import sys; print(sys.executable)'
        exit 0
    fi
}

if [ -n "${ARMSTRONG_PYTHON:-}" ]; then
    try "$ARMSTRONG_PYTHON"
    echo "ARMSTRONG_PYTHON=$ARMSTRONG_PYTHON is not a Python >= 3.12 with venv." >&2
    exit 1
fi
wanted=$(cat "$root/.python-version" 2>/dev/null)
for pyenv_python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted"*/bin/python; do try "$pyenv_python"; done
for version in "$wanted" 3.14 3.13 3.12; do try "python$version"; done
for pyenv_python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python; do try "$pyenv_python"; done
try python3
if command -v uv >/dev/null 2>&1; then try "$(uv python find --no-python-downloads '>=3.12' 2>/dev/null)"; fi

echo "No Python >= 3.12 found (looked at ARMSTRONG_PYTHON, .python-version, python3.14 to 3.12, pyenv, uv)." >&2
echo "Install one, or name it: make run ARMSTRONG_PYTHON=/path/to/python3.13" >&2
exit 1
