#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# A simulated cart on rails that is driven forward and back from the page, and stops when nobody drives or nothing more is heard.
#
#     gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
#     examples/gateway/drive.sh ws://127.0.0.1:8765
#
# Needs Debian's python3-websockets, which here does nothing but turn messages into lines: Debian has no program that does it safely.
# Where a driver's text with a line break in it becomes two lines, the second one could pass for the gateway's own word.
# In a robot of your own, move and stop speak to the motors.
set -uo pipefail
export LC_ALL=C # Numbers have a point.

readonly GATEWAY=${1:-ws://127.0.0.1:8765}
readonly STEP_MS=100
# `drive` asks the page for its steering; of what the cart sends back only the newest counts.
readonly DESCRIPTION='{"title":"Cart","kind":"json","drive":true,"latest":true}'
# {"x": right, "y": forward, "buttons": [...]}, as the page writes it: both from -1 to 1.
readonly AXIS='-?(0(\.[0-9]{1,2})?|1)'
readonly STEERING="^\{\"x\":$AXIS,\"y\":($AXIS),\"buttons\":\[[0-9,]*\]\}$"
readonly LINES_AND_MESSAGES='
import asyncio, os, sys, urllib.parse, websockets

async def speak(gateway):
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        async for line in lines:
            await gateway.send(line.decode().rstrip("\n"))
        await gateway.close()
    except websockets.ConnectionClosed:
        pass

async def main(url):
    token = os.environ.get("PORTHOLE_GATEWAY_TOKEN", "")
    async with websockets.connect(url + ("?token=" + urllib.parse.quote(token, safe="") if token else "")) as gateway:
        speaking = asyncio.create_task(speak(gateway))
        print("drive: connected", file=sys.stderr, flush=True)
        async for message in gateway:
            if isinstance(message, str):
                # One line, and nothing in it that a shell leaves out.
                print("".join(c if c.isprintable() else " " for c in message), flush=True)

try:
    asyncio.run(main(sys.argv[1]))
    sys.exit("drive: the gateway closed the connection")
except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
    # In the response since version 13 of websockets, which Debian 13 has.
    status = getattr(getattr(error, "response", error), "status_code", None)
    sys.exit("drive: " + {
        409: "another program serves drive already: end it first",
        401: "the gateway wants its token: set PORTHOLE_GATEWAY_TOKEN to the first line of its token file",
    }.get(status, f"{sys.argv[1]}: {error}"))
'

until=0 # It may move until then, or not at all.
speed=0 # mm in a second
place=0 # mm
now=0

# Milliseconds that never go back.
look_at_the_clock() {
  local up
  read -r up _ </proc/uptime
  now=$((10#${up/./} * 10))
}

# [the rule]
# The dead man: once the time is over it stops, and only a new driver makes it move again.
may_move() {
  look_at_the_clock
  if ((until && now >= until)); then
    release
    echo 'drive: nothing more was heard; stopped' >&2
  fi
  ((until))
}

# `driver` and `alive` say how long it may go on without a further word.
lease() {
  [ "$1" = driver ] || may_move || return
  look_at_the_clock
  if [[ $2 =~ [{,]\"for\":([0-9]{1,6})[,}] ]]; then until=$((now + BASH_REMATCH[1])); else release; fi
}

# After `released`, and when the connection has ended.
release() { stop; until=0; }

# Waits for the next line, but never longer than until it has to stop.
hear_next() {
  local wait=$((next - now)) line
  if ((until && until - now < wait)); then wait=$((until - now)); fi
  if IFS= read -r -t "$((wait / 1000)).$(printf %03d $((wait % 1000)))" -u "$from" line; then
    hear "$half$line"
    half=
  elif (($? > 128)); then
    half+=$line # The time was over in the middle of it.
  else
    return 1 # The connection is.
  fi
}
# [end]

stop() { speed=0; }

move() {
  if [[ $1 =~ $STEERING ]]; then
    printf -v speed %.0f "${BASH_REMATCH[3]}e3"
  else
    stop
    echo "drive: this is no command, and stops the cart: ${1:0:80}" >&2
  fi
}

# One message: from the gateway, or from the one who drives.
hear() {
  case $1 in
    'porthole alive '*) lease alive "$1" ;;
    'porthole driver '*) lease driver "$1" ;;
    'porthole released '*) release ;;
    'porthole '*) ;;
    # Else it was given by one who drives no more.
    *) if may_move; then move "$1"; fi; return ;;
  esac
  case $1 in 'porthole alive '*) ;; *) echo "drive: $1" ;; esac
}

# A connection that has ended says so when it is read.
say() { { printf '%s\n' "$1" >&"$to"; } 2>/dev/null; }

step() {
  place=$((place + speed * STEP_MS / 1000))
  printf -v state '{"y":%.2f,"speed":%.2f}' "${place}e-3" "${speed}e-3"
  say "$state"
}

# One connection to the gateway, as long as it lasts.
serve() {
  local from to half='' next state
  coproc link { exec /usr/bin/python3 -c "$LINES_AND_MESSAGES" "$GATEWAY/drive"; }
  [ -n "${link[*]-}" ] || return
  exec {from}<&"${link[0]}" {to}>&"${link[1]}"
  say "porthole describe $DESCRIPTION"
  look_at_the_clock
  next=$now
  while may_move || :; do
    if ((now >= next)); then
      step
      next=$((now + STEP_MS))
    fi
    hear_next || break
  done
  release # Nobody can drive it without the gateway.
  exec {from}<&- {to}>&-
}

trap '' PIPE
trap exit INT TERM
# Comes back by itself, also when the camera is started later.
while :; do
  serve
  echo 'drive: trying again' >&2
  sleep 1
done
