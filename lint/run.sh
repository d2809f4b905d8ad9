#!/bin/sh
# Checks the whole project: ./run.sh [--write]
set -eu
cd "$(dirname "$0")/.."
biome=lint/node_modules/.bin/biome
[ -x "$biome" ] || {
  echo 'The linter is not installed: npm ci --prefix lint' >&2
  exit 1
}
exec "$biome" check "$@" .
