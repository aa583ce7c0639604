#!/usr/bin/env bash
# Check of the workflows for GitHub and Gitea: actionlint finds mistakes (with shellcheck for their scripts), zizmor finds security
# problems. Installs both into a temporary folder; needs Go, Python and shellcheck.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOBIN=$tools go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
python3 -m venv "$tools/python"
"$tools/python/bin/pip" install --quiet --disable-pip-version-check zizmor==1.32.0
command -v shellcheck >/dev/null || { echo 'shellcheck is missing: apt-get install shellcheck' >&2 && exit 1; }
"$tools/actionlint" .github/workflows/*.yml .gitea/workflows/*.yml
"$tools/python/bin/zizmor" --offline --no-progress --strict-collection .github/workflows .gitea/workflows
