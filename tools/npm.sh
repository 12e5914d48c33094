#!/usr/bin/env bash
# npm of third_party/node, in the folder of the console: tools/npm.sh run build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly NODE=$PWD/third_party/node
if [[ ! -x $NODE/bin/node ]]; then
  echo "npm: third_party/node is not there: run ./dev setup" >&2
  exit 1
fi
cd console
PATH=$NODE/bin:$PATH exec "$NODE/bin/node" "$NODE/lib/node_modules/npm/bin/npm-cli.js" "$@"
