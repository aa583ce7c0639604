#!/usr/bin/env bash
# Test of deploy/foreman.service with a real systemd (of Debian 13), in its own namespaces and cgroup on this machine.
# Needs root, Linux, mmdebstrap and about two minutes. It stops and unmounts everything at its end. Run it by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d --tmpdir foreman-systemd-XXXXXX)
root=$work/root
base=/sys/fs/cgroup
[ -d $base/unified ] && base=$base/unified
group=$base/foreman-try-$$
starter=
init=
target_pid=

# Ends systemd and all its processes, which also removes their mounts, and deletes the cgroups from the deepest up.
clean_up() {
  set +e
  # The group holds only what this script started in it; the scripted target is outside.
  [ -d "$group" ] && echo 1 >"$group/cgroup.kill"
  [ -n "$starter" ] && wait "$starter" 2>/dev/null
  [ -n "$target_pid" ] && kill "$target_pid" 2>/dev/null
  for _ in $(seq 50); do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$group" ] || break
    sleep 0.2
  done
  [ -d "$group" ] && echo "left behind: $group" >&2
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT

checks=0
ok() { checks=$((checks + 1)) && printf 'ok  %s\n' "$1"; }
fail() {
  printf 'FAILED  %s\n' "$1" >&2
  [ -z "$init" ] || inside journalctl --no-pager -n 40 -o cat >&2
  exit 1
}
# check NAME COMMAND...: the command must succeed at once.
check() {
  local name=$1
  shift
  if "$@"; then ok "$name"; else fail "$name"; fi
}
# expect NAME COMMAND...: the command must succeed within 30 s.
expect() {
  local name=$1
  shift
  for _ in $(seq 150); do
    if "$@" >"$work/last" 2>&1; then ok "$name" && return; fi
    sleep 0.2
  done
  cat "$work/last" >&2
  fail "$name"
}
inside() { nsenter -t "$init" -a "$@"; }
property() { inside systemctl show -P "$2" "$1"; }
is() { [ "$(property "$1" "$2")" = "$3" ] || { property "$1" "$2" && return 1; }; }
status_of() { inside cat "/proc/$(property foreman MainPID)/status"; }
foreman() { inside env FOREMAN_URL=http://127.0.0.1:8080 "$@"; }
drop_in() {
  mkdir -p "$root/etc/systemd/system/$1.service.d"
  cat >"$root/etc/systemd/system/$1.service.d/try.conf"
  inside systemctl daemon-reload
}

[ "$(id -u)" -eq 0 ] || { echo 'try-systemd.sh needs root: it makes namespaces and a cgroup' >&2 && exit 1; }
npm run --silent build -- --executable
executable=dist/foreman-linux-$(dpkg --print-architecture)/foreman
# shellcheck disable=SC2016 # apt-get fills it in
mirror=$(apt-get indextargets --format '$(REPO_URI)' | head -n 1)
mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,libatomic1,libstdc++6 trixie "$root" "$mirror"
rm -f "$root/etc/machine-id"
install -m 755 "$executable" "$root/usr/local/bin/foreman"
install -m 644 deploy/foreman.service "$root/etc/systemd/system/foreman.service"
ln -s /dev/null "$root/etc/systemd/system/systemd-networkd-wait-online.service"
mkdir -p "$root/etc/foreman"

cat >"$work/boot.sh" <<'BOOT'
set -e
root=$1
ip link set lo up
hostname try
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -p "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
cd "$root"
mkdir -p oldroot
pivot_root . oldroot
cd /
umount -l /oldroot
rmdir /oldroot
# As on a real machine, because systemd mounts credentials in a separate namespace.
mount --make-rshared /
exec env -i container=foreman PATH=/usr/sbin:/usr/bin /usr/lib/systemd/systemd --system --log-target=journal --show-status=no
BOOT

mkdir "$group"
# The limit ends everything if this script is killed and cannot clean up.
(
  echo "$BASHPID" >"$group/cgroup.procs"
  exec timeout -s KILL 600 unshare -m -C -n -u -i -p -f --propagation private --kill-child bash "$work/boot.sh" "$root"
) >"$work/console" 2>&1 </dev/null &
starter=$!
for _ in $(seq 100); do
  # timeout, then unshare, then the first process of the new PID namespace.
  unshared=$(pgrep -P "$starter" -x unshare) && init=$(pgrep -P "$unshared") && break
  sleep 0.1
done
[ -n "$init" ] || { cat "$work/console" >&2 && exit 1; }
# Its exit code is 1 if any unit failed. foreman may fail, because Debian enables each unit at the first boot.
booted() { [[ $(inside systemctl is-system-running) =~ running|degraded ]]; }
expect 'systemd boots' booted
inside systemctl --version | head -n 1

# The scripted target, in systemd's network namespace.
nsenter -t "$init" -n "$PWD/node_modules/node/bin/node" --input-type=module-typescript --eval \
  "import { FakeOllama } from '$PWD/test/fake-ollama.ts'; console.log((await FakeOllama.start()).url)" >"$work/target" 2>&1 &
target_pid=$!
expect 'a scripted target answers' grep -q '^http' "$work/target"
target=$(grep '^http' "$work/target")

start_and_end() {
  inside systemctl reset-failed foreman 2>/dev/null || true
  inside systemctl start foreman || true
}
inside systemctl enable --quiet foreman 2>/dev/null
start_and_end
expect 'without a target URL it exits with 78' is foreman ExecMainStatus 78
expect 'and is failed' is foreman ActiveState failed
expect 'and is not restarted' is foreman NRestarts 0
inside journalctl -u foreman -o cat --no-pager | grep -F 'FOREMAN_OLLAMA_URL is required' | head -n 1

printf 'FOREMAN_OLLAMA_URL=%s\nFOREMAN_ADDR=:8080\nFOREMAN_MIN_FREE=0\n' "$target" >"$root/etc/foreman/foreman.env"
drop_in foreman <<<$'[Service]\nRestrictAddressFamilies=\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX'
start_and_end
expect 'without AF_NETLINK it exits with 78' is foreman ExecMainStatus 78
expect 'and is not restarted' is foreman NRestarts 0
inside journalctl -u foreman -o cat --no-pager | grep -F 'AF_NETLINK' | head -n 1
rm -r "$root/etc/systemd/system/foreman.service.d"
inside systemctl daemon-reload

start_and_end
expect 'unchanged, it becomes healthy' foreman foreman health
check 'and is active' is foreman ActiveState active
status_of >"$work/status"
check 'its user is not root' grep -qP '^Uid:\s+(?!0\s)' "$work/status"
for line in $'CapEff:\t0000000000000000' $'NoNewPrivs:\t1' $'Seccomp:\t2'; do
  check "$line" grep -qF "$line" "$work/status"
done
mode_is_0600() { [ "$(inside stat -c %a /var/lib/private/foreman/foreman.db)" = 600 ]; }
check 'only its user can read the database' mode_is_0600
check 'the lock of the database is an abstract socket' inside grep -q '@foreman/' /proc/net/unix
expect 'it runs a job' foreman foreman submit tiny-a hi
done_job() { foreman foreman jobs --json | grep -q '"state": *"done"'; }
expect 'the job is done' done_job

# The same unit again, with its user and its folder, on another port.
sed 's/^ExecStart=.*/& --addr :8081/' "$root/etc/systemd/system/foreman.service" >"$root/etc/systemd/system/second.service"
inside systemctl daemon-reload
inside systemctl start second || true
expect 'a second daemon on the same database exits with 75' is second ExecMainStatus 75
inside systemctl stop second

before=$(property foreman MainPID)
inside systemctl kill --kill-whom=main --signal=KILL foreman
restarted() { is foreman NRestarts 1 && is foreman ActiveState active && [ "$(property foreman MainPID)" != "$before" ]; }
expect 'after kill -9 systemd restarts it' restarted
expect 'and becomes healthy' foreman foreman health
expect 'with its job' done_job

printf s3cret >"$root/etc/foreman/token"
chmod 600 "$root/etc/foreman/token"
drop_in foreman <<<$'[Service]\nLoadCredential=token:/etc/foreman/token\nEnvironment=FOREMAN_TOKEN_FILE=%d/token'
inside systemctl restart foreman
expect 'with a token as a credential it becomes healthy' foreman foreman health
refused() { [ "$(foreman sh -c 'foreman ps >/dev/null 2>&1; echo $?')" = 6 ]; }
check 'a caller without the token is refused' refused
expect 'a caller with the token is not' foreman FOREMAN_TOKEN=s3cret foreman ps

started=$(date +%s%N)
inside systemctl stop foreman
ok "it stops in $((($(date +%s%N) - started) / 1000000)) ms"
check 'with the result success' is foreman Result success
check 'and exit 0' is foreman ExecMainStatus 0
check 'systemd-analyze verify accepts the unit' inside systemd-analyze verify /etc/systemd/system/foreman.service
inside systemd-analyze security --offline=yes --threshold=15 /etc/systemd/system/foreman.service | tail -n 1
printf '%d checks passed\n' "$checks"
