#!/bin/sh
# Compares the embedded indexer with the real graph-node, and runs the whole server on it: ./run.sh [histories|server|speed] [--seed N] [--length N] [--rounds N]
#
# graph-node listens on all interfaces, so everything runs in a network namespace of its own, where only the loopback is.
# Where that cannot be had, this says so and succeeds.
set -eu
cd "$(dirname "$0")"

skip() {
  echo "Skipped: $1"
  exit 0
}

[ "$(uname -sm)" = 'Linux x86_64' ] || skip 'graph-node comes from npm for Linux on x64 only.'
[ "$(id -u)" = 0 ] || skip 'a network namespace needs root.'
[ -x node_modules/@graphprotocol/gnd-linux-x64/bin/gnd ] || skip 'graph-node is not installed: run npm ci in test/conformance.'
unshare -n true 2>/dev/null || skip 'unshare cannot make a network namespace here.'
command -v ip >/dev/null || skip 'ip, which brings up the loopback of a network namespace, is not installed.'

PATH="$PWD/../../node_modules/.bin:$PATH"
exec unshare -n sh -c 'ip link set lo up && exec node main.ts "$@"' main "$@"
