#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A WHEP client that does not trickle: aiortc. Usage: whep.py URL [TOKEN]

Each line of its output is a word: "status N" of the answer, "location PATH", "frame" for each tenth picture, "sound" for the first
packet of sound, "ended" when nothing has come for two seconds. A line of its input, or the end of that, has it leave."""

import asyncio
import sys

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

QUIET_S = 2


def say(*words):
    print(*words, flush=True)


async def pictures(track):
    count = 0
    while True:
        try:
            await asyncio.wait_for(track.recv(), QUIET_S if count else 20)
        except (asyncio.TimeoutError, MediaStreamError):
            say("ended")
            return
        count += 1
        if count % 10 == 1:
            say("frame", count)


async def sound(track):
    try:
        await track.recv()
        say("sound")
    except MediaStreamError:
        pass


async def main(url, token=None):
    peer = RTCPeerConnection()
    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    tasks = []
    take = {"video": pictures, "audio": sound}
    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(take[track.kind](track))))
    # Its candidates are in the offer: it gathers them before.
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=peer.localDescription.sdp, headers=headers) as answer:
            say("status", answer.status)
            if answer.status != 201:
                say(await answer.text())
                return
            say("location", answer.headers["Location"])
            await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for task in tasks:
        task.cancel()
    await peer.close()


asyncio.run(main(*sys.argv[1:]))
