#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A PostgreSQL of its own in the folder $2, with its programs from $1, for as long as stdin is open. Reached through a
# socket in that folder alone. Says "ready"; on the line "crash", it is stopped without tidying up, started again, and
# says "ready" again. The folder goes with it.
set -eu
programs=$1 folder=$2
trap 'rm -rf "$folder"' EXIT

start() {
  "$programs/pg_ctl" -D "$folder/data" -l "$folder/log" -o "-k $folder -c listen_addresses=''" -w start >/dev/null || {
    cat "$folder/log" >&2
    exit 1
  }
}

mkdir -m 700 "$folder"
"$programs/initdb" -D "$folder/data" -U porthole -A trust -E UTF8 --no-instructions >/dev/null
start
trap '"$programs/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null; rm -rf "$folder"' EXIT
echo ready
while read -r _; do
  "$programs/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null
  start
  echo ready
done
