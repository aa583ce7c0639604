#!/usr/bin/env bash
# Unpacks Docker Compose and Buildx from Debian 13 and prints the folder that holds both plugins. Needs root and mmdebstrap.
# Debian 12 lacks Compose 2, and package registries do not have it as a separate program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/foreman-image
plugins=$cache/compose-$(dpkg --print-architecture)-$(sha256sum scripts/debian-compose.sh | cut -c1-16)
if [ ! -d "$plugins" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # shellcheck disable=SC2016 # apt-get expands it
  mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1)
  mmdebstrap --quiet --variant=extract --include=docker-compose,docker-buildx trixie "$work/root" \
    "${mirror:-http://deb.debian.org/debian}" >&2
  mkdir -p "$cache"
  find "$cache" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
  mv -T "$work/root/usr/libexec/docker/cli-plugins" "$plugins" || [ -d "$plugins" ]
  touch "$plugins"
fi
printf '%s\n' "$plugins"
