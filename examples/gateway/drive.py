#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A simulated robot that is driven from the page, and stops when nobody drives or nothing more is heard.

    gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
    examples/gateway/drive.py ws://127.0.0.1:8765

Needs Debian's python3-websockets. In a robot of your own, Robot.move and Robot.stop speak to the motors.
"""

import asyncio
import json
import math
import os
import sys
import time
import urllib.parse

import websockets

GATEWAY = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8765"
TOKEN = os.environ.get("PORTHOLE_GATEWAY_TOKEN", "")
# Then its clock is the camera's as well.
IS_SAME_MACHINE = urllib.parse.urlsplit(GATEWAY).hostname in ("127.0.0.1", "::1", "localhost")
# `drive` asks the page for its steering; of what the robot sends back only the newest counts.
DESCRIPTION = {"title": "Robot", "kind": "json", "drive": True, "latest": True}
STEP = 0.05  # seconds between two steps of the simulation
FASTEST = 1.0  # metres in a second
SHARPEST = 90.0  # degrees in a second


class Robot:
    """Where it is, in metres and degrees, and how it moves."""

    def __init__(self):
        self.x = self.y = self.heading = 0.0
        self.until = None  # It may move until then, on time.monotonic().
        self.stop()

    def stop(self):
        """Stands still from now on."""
        self.speed = self.turn = 0.0

    # [the rule]
    def may_move(self):
        """The dead man: once the time is over it stops, and only a new driver makes it move again."""
        if self.until is not None and time.monotonic() >= self.until:
            self.release()
            print("drive: nothing more was heard; stopped", file=sys.stderr, flush=True)
        return self.until is not None

    def lease(self, given, is_new):
        """Takes `driver` and `alive`: how long it may go on without a further word."""
        if is_new or self.may_move():
            until = time.monotonic() + given.get("for", 0) / 1000
            self.until = min(until, given.get("until", until)) if IS_SAME_MACHINE else until
            asyncio.get_running_loop().call_at(self.until, self.may_move)

    def release(self):
        """After `released`, and when the connection has ended."""
        self.stop()
        self.until = None
    # [end]

    def move(self, command):
        """Takes what the page sends: {"x": right, "y": forward, "buttons": [...]}, both from -1 to 1."""
        right, forward = float(command["x"]), float(command["y"])
        if not (-1 <= right <= 1 and -1 <= forward <= 1):
            raise ValueError("x and y go from -1 to 1")
        self.speed, self.turn = FASTEST * forward, SHARPEST * right

    def step(self, seconds):
        """Moves on by so much time."""
        self.heading = (self.heading + self.turn * seconds) % 360
        self.x += self.speed * seconds * math.sin(math.radians(self.heading))
        self.y += self.speed * seconds * math.cos(math.radians(self.heading))

    def state(self):
        """What the page shows."""
        values = {"x": self.x, "y": self.y, "heading": self.heading, "speed": self.speed}
        return json.dumps({name: round(value, 2) for name, value in values.items()})


async def run(robot, gateway):
    """Simulates, and tells the page the state ten times a second."""
    try:
        await gateway.send("porthole describe " + json.dumps(DESCRIPTION))
        while True:
            await gateway.send(robot.state())
            for _ in range(2):
                robot.may_move()
                robot.step(STEP)
                await asyncio.sleep(STEP)
    except websockets.ConnectionClosed:
        pass  # Who listens hears it too.


def hear(robot, message):
    """One message: from the gateway, or from the one who drives."""
    if isinstance(message, str) and message.startswith("porthole "):
        _, word, details = message.split(" ", 2)
        if word in ("driver", "alive"):
            robot.lease(json.loads(details), word == "driver")
        elif word == "released":
            robot.release()
        if word != "alive":
            print("drive:", message, flush=True)
        return
    if not robot.may_move():
        return  # It was given by one who drives no more.
    try:
        robot.move(json.loads(message))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        robot.stop()
        print(f"drive: this is no command, and stops the robot: {error}", file=sys.stderr, flush=True)


async def serve(robot):
    """One connection to the gateway, as long as it lasts."""
    query = "?token=" + urllib.parse.quote(TOKEN, safe="") if TOKEN else ""
    async with websockets.connect(f"{GATEWAY}/drive{query}") as gateway:
        print("drive: connected", flush=True)
        running = asyncio.create_task(run(robot, gateway))
        try:
            async for message in gateway:
                hear(robot, message)
        finally:
            robot.release()  # Nobody can drive it without the gateway.
            running.cancel()


def explained(error):
    """The error in words, with what to do about it where that is known."""
    # In the response since version 13 of websockets, which Debian 13 has.
    status = getattr(getattr(error, "response", error), "status_code", None)
    if status == 409:
        return "another program serves drive already: end it first"
    if status == 401:
        return "the gateway wants its token: set PORTHOLE_GATEWAY_TOKEN to the first line of its token file"
    return f"{GATEWAY}: {error}"


async def main():
    """Comes back by itself, also when the camera is started later."""
    robot = Robot()
    while True:
        try:
            await serve(robot)
            print("drive: the gateway closed the connection; trying again", file=sys.stderr, flush=True)
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            print(f"drive: {explained(error)}; trying again", file=sys.stderr, flush=True)
        await asyncio.sleep(1)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
