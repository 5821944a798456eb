#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# In a fresh root: makes the image's root as the Dockerfile does, and runs the server and a camera in it as compose.yaml does.
set -euo pipefail
trap 'echo "failed at line $LINENO"' ERR

exec 9>/var/cache/apt/archives/porthole.lock
flock 9
/packaging/image /packages >/image.log 2>&1 || { tail -n 20 /image.log; exit 1; }
exec 9>&-
# As an engine does.
echo '127.0.0.1 localhost' >/etc/hosts
# As an engine does with a new volume: the folder's owner is that of the image.
[ "$(stat -c %U:%a /var/lib/porthole)" = porthole-signaling:700 ]
if [ -e /lib/systemd/systemd ]; then echo 'systemd is in the image'; exit 1; fi

# In the background it is the program itself that is killed, not a shell around it.
become() { exec setpriv --reuid="$1" --regid="$1" --init-groups --no-new-privs --inh-caps=-all --bounding-set=-all "${@:2}"; }
as() { (become "$@"); }
wait_for() {
  local end=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then echo "in vain: $*"; cat /server.log /camera.log; exit 1; fi
    read -rt 0.2 <> <(:) || true
  done
}
ended() { kill -"$2" "$1"; wait "$1" || true; }

become porthole-signaling env PORTHOLE_LISTEN=127.0.0.1:18080 PORTHOLE_URL=http://localhost:18080 /packaging/entrypoint signaling >/server.log 2>&1 &
server=$!
wait_for curl -sf http://127.0.0.1:18080/health
as porthole-signaling porthole-signaling --config /etc/porthole/signaling.toml camera add front >/front.key
chown porthole /front.key
become porthole env CAMERA=test KEY=/front.key HOME=/tmp /packaging/entrypoint camera front >/camera.log 2>&1 &
camera=$!
wait_for grep -q '^server, state=online' /camera.log
ended $camera INT
ended $server TERM
echo 'the image works'
