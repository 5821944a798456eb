#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# In a booted root with both packages: the server runs as soon as it is installed, a camera by one file, and both come back.
set -euo pipefail
trap 'echo "failed at line $LINENO"; journalctl --no-pager -n 30' ERR

# Waits until a command succeeds, 60 s at most.
eventually() {
  local end=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then echo "in vain: $*"; return 1; fi
    read -rt 0.2 <> <(:) || true
  done
}
journal() { journalctl -q --no-pager -o cat -u "$1" | grep -c -- "$2" || true; }
says() { [ "$(journal "$1" "$2")" -ge "$3" ]; }
healthy() { curl -sf http://127.0.0.1:8080/health; }
key() { systemctl show -P "$2" "$1"; }

echo '- the server runs since the boot, and answers this machine alone'
eventually systemctl is-active porthole-signaling
[ "$(key porthole-signaling Type)" = notify ]
eventually healthy
[ "$(stat -c %U:%a /var/lib/porthole)" = porthole-signaling:700 ]
[ "$(stat -c %U:%G:%a /etc/porthole/signaling.toml)" = root:porthole-signaling:640 ]
says porthole-signaling 'nobody has an account yet' 1

echo '- root makes its first administrator, and is told the password'
[ "$(porthole-signaling user add admin --administrator | wc -c)" -gt 8 ]

echo '- a camera is one file and one command'
cd /etc/porthole/cameras
[ "$(stat -c %U:%G:%a .)" = root:porthole:750 ]
porthole-signaling camera add front --output front.key
sed 's/^CAMERA=.*/CAMERA=test/' front.env.example >front.env
systemctl enable --now porthole-camera@front
eventually says porthole-camera@front '^server, state=online' 1
[ "$(stat -c %U:%a front.key)" = root:600 ]
[ "$(ps -o user= -p "$(key porthole-camera@front MainPID)")" = porthole ]

echo '- a camera that dies comes back'
online=$(journal porthole-camera@front '^server, state=online')
kill -KILL "$(key porthole-camera@front MainPID)"
eventually says porthole-camera@front '^server, state=online' $((online + 1))
[ "$(key porthole-camera@front NRestarts)" = 1 ]

echo '- a server that dies comes back, and the camera to it'
kill -KILL "$(key porthole-signaling MainPID)"
eventually says porthole-camera@front '^server, state=online' $((online + 2))
eventually healthy
[ "$(key porthole-camera@front NRestarts)" = 1 ]

echo '- a server that stands still is started again by the watchdog'
before=$(key porthole-signaling NRestarts)
mkdir -p /run/systemd/system/porthole-signaling.service.d
printf '[Service]\nWatchdogSec=2\nWatchdogSignal=KILL\n' >/run/systemd/system/porthole-signaling.service.d/short.conf
systemctl daemon-reload
systemctl restart porthole-signaling
kill -STOP "$(key porthole-signaling MainPID)"
restarted() { [ "$(key porthole-signaling NRestarts)" -gt "$before" ] && healthy; }
before=$(key porthole-signaling NRestarts)
eventually restarted

echo '- a pipeline of its own'
sed 's/^# CAMERA=auto /# CAMERA=test /' /usr/share/porthole/pipelines/20-usb-camera.launch >garden.launch
printf 'CAMERA=test\nLISTEN=127.0.0.1:8081\nPORTHOLE_VIEWER_TOKEN=9f1c27be40d8a6537be2\n' >garden.env
systemctl start porthole-camera@garden
eventually curl -sf http://127.0.0.1:8081/health
says porthole-camera@garden 'token=9f1c27be40d8a6537be2' 1

echo '- what it says of itself, and how much it may do'
for unit in porthole-signaling.service porthole-camera@front.service; do
  systemd-analyze verify --man=no $unit
  systemd-analyze security --no-pager $unit | tail -n 1
  systemd-analyze security --no-pager --threshold=20 $unit >/dev/null
done

echo '- a second version is taken up by both; data, key and configuration stay'
kept() { sha256sum /var/lib/porthole/grant-key /etc/porthole/signaling.toml front.key front.env; porthole-signaling --json camera list | grep -o '"id": *"[^"]*"'; }
echo '# mine' >>/etc/porthole/signaling.toml
kept >/before
server=$(key porthole-signaling MainPID) camera=$(key porthole-camera@front MainPID)
online=$(journal porthole-camera@front '^server, state=online')
flock /var/cache/apt/archives/porthole.lock apt-get install -y -qq /newer/*.deb >/upgrade.log 2>&1 || { cat /upgrade.log; exit 1; }
eventually healthy
eventually says porthole-camera@front '^server, state=online' $((online + 1))
[ "$server" != "$(key porthole-signaling MainPID)" ]
[ "$camera" != "$(key porthole-camera@front MainPID)" ]
kept >/after
diff /before /after

echo '- removed and purged: nothing runs, data and keys stay'
flock /var/cache/apt/archives/porthole.lock apt-get remove -y -qq gstreamer1.0-porthole porthole-signaling >/remove.log 2>&1
for unit in porthole-signaling porthole-camera@front porthole-camera@garden; do
  if systemctl is-active -q $unit; then echo "$unit still runs"; cat /remove.log; exit 1; fi
done
sha256sum /var/lib/porthole/grant-key front.key front.env /etc/porthole/signaling.toml
flock /var/cache/apt/archives/porthole.lock apt-get purge -y -qq gstreamer1.0-porthole porthole-signaling >/purge.log 2>&1
ls /var/lib/porthole/porthole.sqlite3 /var/lib/porthole/grant-key front.key front.env
[ ! -e /etc/porthole/signaling.toml ]
echo 'the units work'
