#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Tells everyone who looks through the robot's camera how full its battery is.

    gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
    examples/gateway/battery.py ws://127.0.0.1:8765

Needs Debian's python3-websockets. Where there is no battery, one is made up that runs down.
"""

import asyncio
import glob
import json
import os
import sys
import time
import urllib.parse

import websockets

GATEWAY = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8765"
TOKEN = os.environ.get("PORTHOLE_GATEWAY_TOKEN", "")
DESCRIPTION = {"title": "Battery", "kind": "number", "unit": "%", "range": [0, 100], "latest": True}


def level():
    """How full the battery is, in percent."""
    for path in glob.glob("/sys/class/power_supply/BAT*/capacity"):
        with open(path, encoding="ascii") as file:
            return int(file.read())
    return round(100 - time.monotonic() / 6 % 100, 1)


async def report(gateway):
    """Sends what the page shows, once a second."""
    try:
        await gateway.send("porthole describe " + json.dumps(DESCRIPTION))
        while True:
            await gateway.send(str(level()))
            await asyncio.sleep(1)
    except websockets.ConnectionClosed:
        pass  # Who listens hears it too.


async def serve():
    """One connection to the gateway, as long as it lasts."""
    query = "?token=" + urllib.parse.quote(TOKEN, safe="") if TOKEN else ""
    async with websockets.connect(f"{GATEWAY}/battery{query}") as gateway:
        print("battery: connected", flush=True)
        reporting = asyncio.create_task(report(gateway))
        try:
            # A program has to read what it is told, also if it has no use for it.
            async for message in gateway:
                if isinstance(message, str) and message.startswith("porthole "):
                    print("battery:", message, flush=True)
        finally:
            reporting.cancel()


def explained(error):
    """The error in words, with what to do about it where that is known."""
    # In the response since version 13 of websockets, which Debian 13 has.
    status = getattr(getattr(error, "response", error), "status_code", None)
    if status == 409:
        return "another program serves battery already: end it first"
    if status == 401:
        return "the gateway wants its token: set PORTHOLE_GATEWAY_TOKEN to the first line of its token file"
    return f"{GATEWAY}: {error}"


async def main():
    """Comes back by itself, also when the camera is started later."""
    while True:
        try:
            await serve()
            print("battery: the gateway closed the connection; trying again", file=sys.stderr, flush=True)
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            print(f"battery: {explained(error)}; trying again", file=sys.stderr, flush=True)
        await asyncio.sleep(1)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
