#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# In a fresh root: installs the packages in /packages as a person would, and types the README's one line. Says how long it took. What else apt is
# to know or to install stands in the arguments.
set -euo pipefail

exec 9>/var/cache/apt/archives/porthole.lock
flock 9
if [ $# -gt 0 ]; then echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io; fi
apt-get update -qq
began=$(date +%s%N)
package=$(echo /packages/gstreamer1.0-porthole_*_"$(dpkg --print-architecture)".deb)
more=("$@")
install() { apt-get install -y -qq "$@" ${more[@]+"${more[@]}"} "$package" >/install.log 2>&1 || { tail -n 20 /install.log; exit 1; }; }
# How long this takes is the network's matter, and nothing after the first time, since roots of a suite share what was downloaded.
install --download-only
downloaded=$(date +%s%N)
install
installed=$(date +%s%N)
exec 9>&-
gst-inspect-1.0 portholesrc | grep -x 'Plugin Details:'
gst-launch-1.0 -q portholesrc camera=test width=320 height=240 ! portholeoverlay text='%H:%M:%S {camera}' ! videoconvert \
  ! x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! fakesink num-buffers=3
framed=$(date +%s%N)
gst-launch-1.0 -q portholesrc camera=test width=320 height=240 ! portholeoverlay text='%H:%M:%S {camera}' ! videoconvert \
  ! vp8enc deadline=1 ! fakesink num-buffers=3
echo "downloaded in $(((downloaded - began) / 1000000)) ms, installed in $(((installed - downloaded) / 1000000)) ms, first picture encoded $(((framed - installed) / 1000000)) ms later"

# The README's one line, until it says where to look.
gst-launch-1.0 portholesrc ! portholeoverlay ! portholesink listen=127.0.0.1:0 >/line.log 2>&1 &
until grep -q 'watch at http' /line.log; do
  kill -0 $! 2>/dev/null || { cat /line.log; exit 1; }
done
kill -TERM $!
wait $! || true
if grep ERROR /line.log; then exit 1; fi
test -x /usr/libexec/porthole/camera
echo 'the plugin works'
