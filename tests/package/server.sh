#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# In a fresh root: installs the server's package, and has the server answer, without a systemd that starts it.
set -euo pipefail
trap 'echo "failed at line $LINENO"; cat /server.log' ERR
touch /server.log

exec 9>/var/cache/apt/archives/porthole.lock
flock 9
# Nothing here outlives a power cut.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io
apt-get update -qq
apt-get install -y -qq --no-install-recommends systemd-standalone-sysusers systemd-standalone-tmpfiles curl \
  /packages/porthole-signaling_*_"$(dpkg --print-architecture)".deb >/install.log 2>&1 || { tail -n 20 /install.log; exit 1; }
exec 9>&-

porthole-signaling --help | grep -x 'Usage: .*'
[ "$(porthole-signaling --version)" = "porthole-signaling $(dpkg-query -W -f '${Version}' porthole-signaling | sed 's/-[^-]*$//')" ]
PORTHOLE_LISTEN=127.0.0.1:0 setpriv --reuid=porthole-signaling --regid=porthole-signaling --init-groups --no-new-privs \
  porthole-signaling serve --init --config /etc/porthole/signaling.toml >/server.log 2>&1 &
server=$!
until address=$(grep -o 'listening on http://127\.[0-9.:]*' /server.log | cut -d ' ' -f 3); do
  kill -0 $server
done
curl -sf "$address/health"
[[ "$(curl -sf "$address/")" == *'<title>'* ]]
[ "$(porthole-signaling --config /etc/porthole/signaling.toml user add admin --administrator | wc -c)" -gt 8 ]
kill -TERM $server
wait $server
echo 'the server works'
