#!/usr/bin/env bash
# Check of the OpenAPI document with two public tools: Redocly lints it, and Schemathesis sends a running foreman requests that the
# document allows and forbids, for about a minute, from a fixed seed. Needs npm, and python3 with venv; installs both tools itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

work=$(mktemp -d)
foreman=''
finish() {
  [ -z "$foreman" ] || kill "$foreman" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
npm install --silent --no-audit --no-fund --prefix "$work/redocly" @redocly/cli@2.77.0
npm exec --no -- node "$work/redocly/node_modules/@redocly/cli/bin/cli.js" lint docs/openapi.json --max-problems 20

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5

# Not through npm, because the signal at the end would reach only npm.
node_modules/.bin/node test/openapi/foreman.ts "$work" >"$work/url" &
foreman=$!
for _ in $(seq 1 300); do
  [ -s "$work/url" ] && break
  kill -0 "$foreman"
  sleep 0.2
done
url=$(cat "$work/url")

# Relayed routes have opaque bodies, and the scripted target only understands requests of real clients.
export SCHEMATHESIS_HOOKS=schemathesis_hooks
export PYTHONPATH=$PWD/test/openapi PYTHONDONTWRITEBYTECODE=1
cd "$work"
"$work/venv/bin/st" --config-file "$root/test/openapi/schemathesis.toml" run "$url/openapi.json" --url "$url" \
  --include-tag jobs --include-tag daemon \
  --max-examples 10 --seed 1 --request-timeout 20
kill -0 "$foreman"
