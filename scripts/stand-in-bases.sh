#!/usr/bin/env bash
# Builder of local stand-ins for the two base images of the Dockerfile, from Debian's packages and the project's own Node, and
# prints the folder with distroless.tar and node-slim.tar. Needs root, mmdebstrap and `npm ci`. For tests only: they also
# trust the certificates of this machine and use its npm registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

node=$PWD/node_modules/node/bin/node
authorities=/etc/ssl/certs/ca-certificates.crt
registry=$(npm config get registry)

key=$({ cat scripts/stand-in-bases.sh "$authorities" && echo "$registry"; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/foreman-image
made=$cache/node-$("$node" -p 'process.versions.node + "-" + process.arch')-$key
if [ -d "$made" ]; then
  printf '%s\n' "$made"
  exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The Debian mirror that apt uses on this machine. Empty on another distribution.
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1)
bootstrap() { mmdebstrap --quiet "$@" trixie "$root" "${mirror:-http://deb.debian.org/debian}" >&2; }
pack() { tar --numeric-owner -C "$root" -cf "$work/$1" . && rm -rf "$root"; }
mkdir "$work/out"

# The packages that gcr.io/distroless/nodejs26-debian13 lists, without a shell or any other program. Node needs libatomic1.
root=$work/distroless
bootstrap --variant=extract \
  --include=base-files,netbase,tzdata,media-types,libc6,libgcc-s1,libstdc++6,libgomp1,libatomic1,libssl3t64,libzstd1,zlib1g
find "$root"/usr/bin "$root"/usr/sbin -mindepth 1 -delete
rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bug,debconf,perl5,bash-completion} \
  "$root"/var/lib/{dpkg,apt} "$root"/var/cache/* "$root"/etc/apt "${root:?}"/dev/*
mkdir -p "$root"/home/nonroot "$root"/etc/ssl/certs "$root"/nodejs/bin "$root"/dev "$root"/tmp
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/home/nonroot"
chmod 700 "$root/home/nonroot"
printf '%s\n' root:x:0:0:root:/root:/sbin/nologin nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin >"$root/etc/passwd"
printf '%s\n' root:x:0: nonroot:x:65532: >"$root/etc/group"
cp "$authorities" "$root/etc/ssl/certs/"
cp "$node" "$root/nodejs/bin/node"
pack out/distroless.tar

# Debian with a shell, Node and npm, as docker.io/library/node:26-trixie-slim.
root=$work/slim
bootstrap --variant=minbase --include=ca-certificates,libstdc++6,libatomic1
cp "$authorities" "$root/etc/ssl/certs/"
cp "$node" "$root/usr/local/bin/node"
npm_tarball=$(cd "$work" && npm pack --silent npm@11)
mkdir -p "$root/usr/local/lib/node_modules/npm" "$root/usr/local/etc"
tar -xzf "$work/$npm_tarball" --strip-components=1 --no-same-owner -C "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
printf 'registry=%s\n' "$registry" >"$root/usr/local/etc/npmrc"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "${root:?}"/dev/*
pack out/node-slim.tar

# Two runs at once produce the same folder: the second run keeps the folder of the first.
mkdir -p "$cache"
find "$cache" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
mv -T "$work/out" "$made" || [ -d "$made" ]
printf '%s\n' "$made"
