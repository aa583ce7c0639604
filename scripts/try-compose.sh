#!/usr/bin/env bash
# Test of compose.yaml with a real Docker daemon, in front of a scripted target on this machine. Run it by hand, after `npm ci`.
#   scripts/try-compose.sh                the Docker of this machine on Linux, with Compose 2.24 or newer
#   scripts/try-compose.sh --own-daemon   as root on Debian: a Docker daemon in one temporary folder, with stand-ins for
#                                         the base images, without a bridge network and so without published ports
# It uses a separate Compose project and removes it at the end with its volume and its image.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

port=18080
url=http://127.0.0.1:$port
prometheus=127.0.0.1:19090
token=try-compose

step() { printf -- '--- %s\n' "$*"; }

# Runs a command every second until it succeeds, at most 60 times.
eventually() {
  for _ in $(seq 60); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 1
  done
  printf 'failed: %s\n' "$*" >&2
  return 1
}

state() { docker inspect --format "{{.State.$1}}" "$container"; }
is_healthy() { [ "$(state Health.Status)" = healthy ]; }
is_other_process() { [ "$(state Running)" = true ] && [ "$(state Pid)" != "$1" ]; }
# One request waits at most a minute for the job to end.
call() { curl -sS --fail -H "Authorization: Bearer $token" "$@"; }
is_done() { call -H 'Prefer: wait=60' "$url/jobs/$1" | grep -q '"state":"done"'; }
is_scraped() { curl -sS --fail "http://$prometheus/api/v1/query?query=up" | grep -q '"job":"foreman"}.*"1"'; }

# Needs a Docker daemon and the command compose. $work is the folder of the project, $host the target's address.
checks() {
  local node job process
  node=$(npm exec --no -- node -p process.execPath)
  "$node" -e 'import("./test/fake-ollama.ts").then(async ({ FakeOllama }) => {
    console.log((await FakeOllama.start({ host: process.argv[1] })).port)
  })' "$host" >"$work/port" &
  target=$!
  trap 'project --profile "*" down --volumes --rmi local --timeout 20; kill "$target"' EXIT
  eventually test -s "$work/port"
  # Compose reads .env beside compose.yaml. The one of this checkout belongs to its user.
  cp compose.yaml "$work/"
  cp -r examples "$work/"
  [ "$host" = 0.0.0.0 ] || sed -i "s/foreman:8080/127.0.0.1:$port/" "$work/examples/prometheus/prometheus.yml"
  printf '%s\n' "FOREMAN_OLLAMA_URL=http://${host/0.0.0.0/host.docker.internal}:$(cat "$work/port")" \
    "FOREMAN_TOKEN=$token" "PUBLISH=127.0.0.1:$port" "PROMETHEUS_PUBLISH=$prometheus" >"$work/.env"
  project() { (cd "$work" && compose --project-name foreman-try -f compose.yaml -f override.yaml "$@"); }

  step 'config: every profile'
  project --profile '*' config --quiet
  step 'up: waits until the container is healthy'
  project up --build --detach --wait --wait-timeout 300
  project ps
  container=$(project ps --quiet foreman)
  step 'a job is done'
  job=$(call "$url/jobs" -d '{"model":"tiny-a","messages":[{"role":"user","content":"hi"}]}' |
    sed -n 's/.*"job_id": *"\([^"]*\)".*/\1/p')
  is_done "$job"
  step 'Prometheus scrapes foreman with the token'
  project up --detach prometheus
  eventually is_scraped
  step 'restart: the job is kept'
  project restart foreman
  eventually is_done "$job"
  step 'SIGKILL of the process: Docker starts it again, and the job is kept'
  process=$(state Pid)
  $as_root kill -KILL "$process"
  eventually is_other_process "$process"
  eventually is_done "$job"
  step 'Docker calls the health check again'
  eventually is_healthy
  step 'stop: exit code 0'
  project stop
  [ "$(state ExitCode)" = 0 ]
  step 'everything passed'
}

# The build runs in this checkout, under its own project name.
override() {
  printf 'services:\n  foreman:\n    image: ollama-foreman:try-compose\n    build: { context: "%s", network: host }\n' "$PWD"
}

if [ "${1-}" = --in-namespaces ]; then
  work=$2 plugins=$3 bases=$4 host=127.0.0.1 as_root=
  # New mounts show only the cgroups of the caller, and the daemon creates its own below them. For cgroups of version 1 only.
  for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
    if mountpoint -q "/sys/fs/cgroup/$controller"; then
      umount "/sys/fs/cgroup/$controller"
      mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
    fi
  done
  for hierarchy in systemd unified; do
    if mountpoint -q "/sys/fs/cgroup/$hierarchy"; then umount "/sys/fs/cgroup/$hierarchy"; fi
  done
  export DOCKER_HOST=unix://$work/socket DOCKER_CONFIG=$work/config PATH=/usr/bin:$PATH
  dockerd --data-root "$work/data" --exec-root "$work/exec" -p "$work/pid" -H "$DOCKER_HOST" --storage-driver overlay2 \
    --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
    --default-ulimit "nofile=1024:$(ulimit -Hn)" >"$work/dockerd.log" 2>&1 &
  daemon=$!
  eventually docker info || { tail -n 20 "$work/dockerd.log" && exit 1; }
  step 'importing the bases'
  docker import -c 'USER 65532' -c 'WORKDIR /home/nonroot' "$bases/distroless.tar" gcr.io/distroless/nodejs26-debian13:nonroot
  docker import -c 'CMD ["node"]' -c 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
    "$bases/node-slim.tar" docker.io/library/node:26-trixie-slim
  step "making a stand-in for Prometheus from Debian's"
  mkdir -p "$work/prometheus/data"
  cp "$(command -v prometheus)" "$work/prometheus/"
  printf '%s\n' 'FROM gcr.io/distroless/nodejs26-debian13:nonroot' 'COPY prometheus /bin/prometheus' \
    'COPY --chown=65534:65534 data /prometheus' 'USER 65534' 'ENTRYPOINT ["/bin/prometheus"]' >"$work/prometheus/Dockerfile"
  DOCKER_BUILDKIT=1 docker build --quiet -t prom/prometheus:try-compose "$work/prometheus"
  step 'building for linux/arm64 without emulation, on an empty base'
  DOCKER_BUILDKIT=1 docker build --quiet --network host --platform linux/arm64 --build-arg DISTROLESS_IMAGE=scratch \
    -t ollama-foreman:arm64 .
  [ "$(docker image inspect --format '{{.Architecture}}' ollama-foreman:arm64)" = arm64 ]
  compose() { "$plugins/docker-compose" "$@"; }
  {
    override
    printf '    network_mode: host\n    ports: !reset []\n    extra_hosts: !reset []\n'
    printf '    environment: { FOREMAN_ADDR: "127.0.0.1:%s", FOREMAN_URL: "%s" }\n' "$port" "$url"
    printf '  prometheus:\n    image: prom/prometheus:try-compose\n    network_mode: host\n    ports: !reset []\n'
    printf '    command: [--config.file=/etc/prometheus/prometheus.yml, --storage.tsdb.path=/prometheus, "%s"]\n' \
      "--web.listen-address=$prometheus"
    printf '  grafana:\n    network_mode: host\n    ports: !reset []\n'
  } >"$work/override.yaml"
  result=0
  (checks) || result=$?
  kill "$daemon"
  wait "$daemon" || true
  find /sys/fs/cgroup -depth -type d -path '*/docker*' -exec rmdir {} + 2>/dev/null || true
  exit "$result"
fi

work=$(mktemp -d)
# After a signal, the processes in the namespaces may take a moment to end.
trap 'for _ in 1 2 3 4 5; do rm -rf "$work" 2>/dev/null && break; sleep 1; done' EXIT
if [ "${1-}" = --own-daemon ]; then
  packages=(docker.io prometheus mmdebstrap debian-archive-keyring curl)
  if ! dpkg-query -W "${packages[@]}" >/dev/null 2>&1; then
    apt-get update -qq
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  fi
  plugins=$(scripts/debian-compose.sh)
  bases=$(scripts/stand-in-bases.sh)
  unshare --mount --cgroup --pid --fork --mount-proc --propagation private --kill-child \
    "$0" --in-namespaces "$work" "$plugins" "$bases"
else
  host=0.0.0.0 as_root=$([ "$(id -u)" -eq 0 ] || echo sudo)
  compose() { docker compose "$@"; }
  override >"$work/override.yaml"
  (checks)
fi
