#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# In a fresh root: installs systemd and both packages, as a machine has them that is then booted.
set -euo pipefail

exec 9>/var/cache/apt/archives/porthole.lock
flock 9
apt-get update -qq
apt-get install -y -qq --no-install-recommends systemd systemd-sysv curl procps /packages/gstreamer1.0-porthole_*_amd64.deb \
  /packages/porthole-signaling_*_amd64.deb gstreamer1.0-plugins-ugly >/install.log 2>&1 || { tail -n 20 /install.log; exit 1; }
# From here on it is a machine, on which services are started, restarted and stopped.
rm /usr/sbin/policy-rc.d
