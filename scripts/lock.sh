#!/bin/sh
# Writes the hash-pinned requirements. They name packages and hashes, never an index or a host.
set -eu
cd "$(dirname "$0")/.."
compile() {
    output=$1
    shift
    "${ARMSTRONG_VENV:-.venv}/bin/uv" pip compile --quiet --universal --python-version 3.12 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' \
        --output-file "$output" "$@"
}
compile requirements/build.txt --group build
compile requirements/runtime.txt pyproject.toml
compile requirements/valkey.txt --group valkey --no-deps
compile requirements/dev.txt --group dev --constraint requirements/runtime.txt --constraint requirements/build.txt
others=tests/mcp_runtime/others_servers
for folder in tests/bench/peers/fastmcp tests/bench/peers/contextforge $others/fastmcp; do
    compile "$folder/requirements.txt" "$folder/requirements.in" --override "$folder/overrides.txt"
done
for folder in $others/sdk_v1 tests/clients/sdk_2025_03_26; do
    compile "$folder/requirements.txt" "$folder/requirements.in"
done
if grep -nE 'https?://|--(extra-)?index-url|--find-links' requirements/*.txt tests/bench/peers/*/requirements.txt \
    $others/*/requirements.txt tests/clients/*/requirements.txt; then
    echo "A lock names a host." >&2
    exit 1
fi
