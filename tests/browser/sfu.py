#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""An SFU out of aiortc: it takes a picture by WHIP (RFC 9725) at /front/whip and gives it by WHEP at /front/whep. Unlike those that
people run it decodes and encodes anew, which is slower; like them it knows no trickle, wants a token for each side (PUBLISH and READ
in the environment), and forgets a session at its DELETE alone. What happens is a line of its output."""

import asyncio
import os
import sys

from aiohttp import web
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

SDP = "application/sdp"


def say(*words):
    print(*words, flush=True)


class Sfu:
    def __init__(self):
        self.relay = MediaRelay()
        self.tracks = {}
        self.sessions = {}
        self.watching = set()
        self.count = 0
        self.refusal = None

    async def count_frames(self, track):
        """Says of the first, and of each thirtieth, what came."""
        number = 0
        while True:
            try:
                frame = await track.recv()
            except Exception:  # The track's end has many names.
                say(track.kind, "ended")
                return
            if number % 30 == 0:
                size = f"{frame.width}x{frame.height}" if track.kind == "video" else f"{frame.sample_rate} Hz"
                say(track.kind, number, size)
            number += 1

    def publish(self, peer, name):
        @peer.on("track")
        def on_track(track):
            self.tracks[track.kind] = track
            watching = asyncio.create_task(self.count_frames(self.relay.subscribe(track)))
            self.watching.add(watching)
            watching.add_done_callback(self.watching.discard)

    async def answer(self, request, kind):
        token = os.environ["PUBLISH" if kind == "whip" else "READ"]
        if request.headers.get("Authorization") != f"Bearer {token}":
            say(kind, "refused")
            return web.Response(status=401)
        if self.refusal:
            return web.Response(status=self.refusal)
        if request.content_type != SDP:
            return web.Response(status=415)
        if kind == "whep" and "video" not in self.tracks:
            return web.Response(status=404)
        offer = RTCSessionDescription(await request.text(), "offer")
        peer = RTCPeerConnection()
        self.count += 1
        name = f"{kind}-{self.count}"
        self.sessions[name] = peer
        peer.on("connectionstatechange", lambda: say(name, peer.connectionState))
        if kind == "whip":
            self.publish(peer, name)
        await peer.setRemoteDescription(offer)
        if kind == "whep":
            for transceiver in peer.getTransceivers():
                track = self.tracks.get(transceiver.kind)
                if track:
                    transceiver.sender.replaceTrack(self.relay.subscribe(track))
                    transceiver.direction = "sendonly"
        await peer.setLocalDescription(await peer.createAnswer())
        say(name, "created")
        headers = {"Location": f"/sessions/{name}"}
        return web.Response(status=201, content_type=SDP, headers=headers, text=peer.localDescription.sdp)

    async def delete(self, request):
        name = request.match_info["name"]
        kind = name.split("-")[0]
        token = os.environ["PUBLISH" if kind == "whip" else "READ"]
        if request.headers.get("Authorization") != f"Bearer {token}":
            return web.Response(status=401)
        peer = self.sessions.pop(name, None)
        if not peer:
            return web.Response(status=404)
        say(name, "deleted")
        await peer.close()
        return web.Response()

    async def hear(self):
        """`refuse STATUS` and `take` on its input."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for line in reader:
            words = line.decode().split()
            if words[:1] == ["refuse"]:
                self.refusal = int(words[1])
            elif words == ["take"]:
                self.refusal = None
            elif words == ["drop"]:
                for name, peer in list(self.sessions.items()):
                    if name.startswith("whip"):
                        del self.sessions[name]
                        await peer.close()
            say("told", *words)


async def main():
    sfu = Sfu()
    app = web.Application()
    app.router.add_post("/front/whip", lambda request: sfu.answer(request, "whip"))
    app.router.add_post("/front/whep", lambda request: sfu.answer(request, "whep"))
    app.router.add_delete("/sessions/{name}", sfu.delete)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say("listening", site._server.sockets[0].getsockname()[1])
    await sfu.hear()


asyncio.run(main())
