#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Opens a door by a relay at a GPIO line, when the page asks for it and not a moment later.

    gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
    DOOR_LINE=27 examples/gateway/door.py ws://127.0.0.1:8765

Needs Debian's python3-websockets and gpiod (gpioset 1.6 or 2). Values, from the environment:

    DOOR_LINE=27         the relay's line, as the GPIO's number
    CHIP=gpiochip0       gpiodetect lists what there is
    DOOR_ACTIVE=high     low for a relay that closes when the line is at 0 V
    DOOR_SECONDS=3       for so long the relay is closed, 1 to 30

scripts/doorbell starts it beside the button where DOOR_LINE is set. For a lock of another kind, Relay.open speaks to it.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import time
import urllib.parse

import websockets

GATEWAY = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GATEWAY", "ws://127.0.0.1:8765")
TOKEN = os.environ.get("PORTHOLE_GATEWAY_TOKEN", "")
# Then its clock is the camera's as well.
IS_SAME_MACHINE = GATEWAY.startswith("unix:") or urllib.parse.urlsplit(GATEWAY).hostname in ("127.0.0.1", "::1", "localhost")
DESCRIPTION = {"title": "Door", "kind": "text", "latest": True}
STARTS = 0.2  # seconds in which gpioset fails, if it does


def say(text, to=sys.stdout):
    """One line, and nothing in it that a terminal would obey."""
    print("door: " + "".join(c if c.isprintable() else " " for c in text), file=to, flush=True)


def value(name, default, form):
    """A value of the environment, if it has the right form."""
    text = os.environ.get(name, default)
    if not re.fullmatch(form, text):
        sys.exit(f"door: {name}={text}: {form} is what it looks like; see the top of door.py")
    return text


class Relay:
    """A line that is set for some seconds, and is back to nothing whatever happens here."""

    def __init__(self):
        self.line = value("DOOR_LINE", "", r"[0-9]{1,4}")
        self.chip = value("CHIP", "gpiochip0", r"[A-Za-z0-9/_-]{1,64}")
        self.low = ["-l"] if value("DOOR_ACTIVE", "high", "high|low") == "low" else []
        self.seconds = value("DOOR_SECONDS", "3", "[1-9]|[12][0-9]|30")
        self.closed = None
        if not shutil.which("gpioset"):
            sys.exit("door: gpioset is missing: sudo apt install gpiod")

    async def find(self):
        """Finds out which gpioset this is, and sets the line to nothing."""
        process = await asyncio.create_subprocess_exec("gpioset", "--version", stdout=asyncio.subprocess.PIPE)
        version, _ = await process.communicate()
        self.is_old = b" v1." in version
        await self.rest()

    def command(self, level):
        """That sets the line: to 1 for some seconds and then to 0, or to 0."""
        line = f"{self.line}={level}"
        if self.is_old:
            held = ["-m", "time", "-s", self.seconds] if level else []
            return ["gpioset", *self.low, *held, self.chip, line]
        times = f"{self.seconds}s,0" if level else "0"
        return ["gpioset", *self.low, "-c", self.chip, "-t", times, line]

    async def rest(self):
        process = await asyncio.create_subprocess_exec(*self.command(0))
        if await process.wait():
            sys.exit(f"door: line {self.line} of {self.chip} cannot be set; see that this user is in the group gpio")

    async def open(self):
        """Closes the relay. Returns why it could not."""
        if self.closed and not self.closed.done():
            return None  # It is.
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self.command(1), stderr=pipe)
        self.closed = asyncio.create_task(self.until_over(process))
        done, _ = await asyncio.wait([self.closed], timeout=STARTS)
        return self.closed.result() if done else None

    async def until_over(self, process):
        try:
            _, error = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
            # gpioset 1.6 leaves the line as it was, and so does one that was ended.
            await self.rest()
        return error.decode(errors="replace").strip()[:200] or "gpioset failed" if process.returncode else None

    async def stop(self):
        if self.closed and not self.closed.done():
            self.closed.cancel()
            await asyncio.wait([self.closed])


async def opened(relay, gateway, word):
    """Opens it, unless that comes too late, and says which."""
    until = time.monotonic() + word.get("for", 0) / 1000
    until = min(until, word.get("until", until)) if IS_SAME_MACHINE else until
    if time.monotonic() >= until:
        reason = "this came too late"
    else:
        reason = await relay.open()
    if reason is None:
        say(f"opened for {word.get('user')}")
        await gateway.send(f"porthole opened {json.dumps({'id': word['id']})}")
        await gateway.send("open")
    else:
        say(f"not opened for {word.get('user')}: {reason}", sys.stderr)
        await gateway.send(f"porthole refused {json.dumps({'id': word['id'], 'reason': reason})}")


async def tell_closed(relay, gateway):
    """What the page shows of it."""
    while True:
        if relay.closed:
            await asyncio.wait([relay.closed])
            relay.closed = None
            await gateway.send("closed")
        await asyncio.sleep(STARTS)


def connect():
    query = "?token=" + urllib.parse.quote(TOKEN, safe="") if TOKEN else ""
    if GATEWAY.startswith("unix:"):
        return websockets.unix_connect(GATEWAY[len("unix:"):], "ws://localhost/door" + query)
    return websockets.connect(f"{GATEWAY.rstrip('/')}/door{query}")


async def serve(relay):
    """One connection to the gateway, as long as it lasts."""
    async with connect() as gateway:
        say("connected")
        await gateway.send("porthole describe " + json.dumps(DESCRIPTION))
        await gateway.send("closed")
        showing = asyncio.create_task(tell_closed(relay, gateway))
        try:
            async for message in gateway:
                if isinstance(message, str) and message.startswith("porthole open "):
                    await opened(relay, gateway, json.loads(message.split(" ", 2)[2]))
        finally:
            showing.cancel()


def explained(error):
    """The error in words, with what to do about it where that is known."""
    # In the response since version 13 of websockets, which Debian 13 has.
    status = getattr(getattr(error, "response", error), "status_code", None)
    if status == 409:
        return "another program serves door already: end it first"
    if status == 401:
        return "the gateway wants its token: set PORTHOLE_GATEWAY_TOKEN to the first line of its token file"
    return f"{GATEWAY}: {error}"


async def main():
    """Comes back by itself, also when the camera is started later."""
    relay = Relay()
    await relay.find()
    told = None
    try:
        while True:
            try:
                await serve(relay)
                told = None
                say("the gateway closed the connection; trying again", sys.stderr)
            except (OSError, asyncio.TimeoutError, ValueError, websockets.WebSocketException) as error:
                if told != explained(error):
                    told = explained(error)
                    say(f"{told}; trying again", sys.stderr)
            await asyncio.sleep(1)
    finally:
        await relay.stop()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
