#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A robot or a viewer of another system, as its guides have one write it: python-socketio (4 or 5, whichever is found) or a plain
WebSocket, and aiortc. Says what happens, a line each.

foreign.py {socketio|three-service} {robots|lab} {robot|viewer} URL NAME; in the environment FOREIGN_TOKEN, FOREIGN_TOKEN_IN (query,
header, register or auth) and FOREIGN_TRANSPORTS (polling, websocket, or both with a comma)."""

import asyncio
import json
import os
import sys
from urllib.parse import quote

import aiohttp
import socketio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp

TOKEN = os.environ.get("FOREIGN_TOKEN", "")
TOKEN_IN = os.environ.get("FOREIGN_TOKEN_IN", "query")
TRANSPORTS = os.environ.get("FOREIGN_TRANSPORTS", "polling,websocket").split(",")
# More than a picture that stands still.
FRAMES = 10


def say(*words):
    print(*words, flush=True)


def description(pc):
    return {"type": pc.localDescription.type, "sdp": pc.localDescription.sdp}


class SocketIo:
    """Events by Socket.IO."""

    def __init__(self, url):
        self.url = url
        self.client = socketio.AsyncClient(reconnection=False)

    def on(self, event, handler):
        self.client.on(event, handler)

    async def run(self, connected):
        address, more = self.url, {}
        if TOKEN and TOKEN_IN == "query":
            address += f"?access_token={quote(TOKEN)}"
        elif TOKEN and TOKEN_IN == "header":
            more["headers"] = {"Authorization": f"Bearer {TOKEN}"}
        elif TOKEN and TOKEN_IN == "auth":
            more["auth"] = {"token": TOKEN}
        self.client.on("disconnect", lambda *_: say("disconnected"))
        await self.client.connect(address, transports=TRANSPORTS, **more)
        say("connected by", self.client.transport())
        await connected()
        await self.client.wait()

    async def emit(self, event, data):
        await self.client.emit(event, data)


class ThreeService:
    """Objects with a type, over a WebSocket."""

    def __init__(self, url):
        self.url = url
        self.handlers = {}
        self.socket = None

    def on(self, event, handler):
        self.handlers[event] = handler

    async def run(self, connected):
        address = self.url.replace("http", "ws", 1)
        if TOKEN and TOKEN_IN == "query":
            address += f"/?access_token={quote(TOKEN)}"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as self.socket:
            say("connected by websocket")
            await connected()
            async for message in self.socket:
                data = json.loads(message.data)
                if handler := self.handlers.get(data["type"]):
                    await handler(data)
        say("disconnected")

    async def emit(self, event, data):
        told = dict(data)
        if isinstance(told.get(event), dict):
            told["sdp"] = told.pop(event)["sdp"]
        await self.socket.send_json({"type": event, **told})


class Peer:
    """What robots and viewers have in common."""

    def __init__(self, wire, name):
        self.wire = wire
        self.name = name
        self.peers = {}
        for event in ("error", "registered", "session-started", "created", "joined", "full", "new_peer", "bye"):
            self.on(event, self.nothing)

    def on(self, event, handler):
        async def heard(data=None):
            say("event", event, json.dumps(data)[:300])
            await handler(data)

        self.wire.on(event, heard)

    async def nothing(self, data):
        pass

    def connection(self, key):
        pc = self.peers[key] = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        pc.on("connectionstatechange", lambda: say("connection", pc.connectionState))
        return pc

    async def close(self, key):
        if pc := self.peers.pop(key, None):
            await pc.close()

    async def candidate(self, key, data):
        inner = data.get("candidate") if isinstance(data.get("candidate"), dict) else data
        if not inner.get("candidate") or key not in self.peers:
            return
        candidate = candidate_from_sdp(inner["candidate"].split(":", 1)[1])
        candidate.sdpMid, candidate.sdpMLineIndex = inner.get("sdpMid"), inner.get("sdpMLineIndex")
        await self.peers[key].addIceCandidate(candidate)

    async def answer(self, key, offer):
        pc = self.connection(key)
        pc.addTrack(VideoStreamTrack())
        await pc.setRemoteDescription(RTCSessionDescription(sdp=offer["sdp"], type="offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        return description(pc)

    async def offer(self, key):
        pc = self.connection(key)
        pc.addTransceiver("video", direction="recvonly")

        @pc.on("track")
        def track(track):
            asyncio.ensure_future(self.watch(track))

        await pc.setLocalDescription(await pc.createOffer())
        return description(pc)

    async def watch(self, track):
        try:
            for _ in range(FRAMES):
                frame = await track.recv()
            say("frames", FRAMES, frame.width, frame.height)
            while True:
                await track.recv()
        except Exception as end:
            say("track ended", type(end).__name__)


class Robots(Peer):
    """Of the guides' family: who registers, and speaks to whom it names."""

    def __init__(self, wire, name, is_robot):
        super().__init__(wire, name)
        self.is_robot = is_robot
        self.on("offer", self.offered)
        self.on("answer", self.answered)
        self.on("ice-candidate", self.trickled)
        self.on("bye", self.left)

    async def connected(self):
        me = {"userId": self.name if self.is_robot else "a-page", "userType": "robot" if self.is_robot else "user"}
        if TOKEN and TOKEN_IN == "register":
            me["token"] = TOKEN
        await self.wire.emit("register", me)
        if not self.is_robot:
            await self.wire.emit("offer", {"to": self.name, "offer": await self.offer(self.name)})

    async def offered(self, data):
        answer = await self.answer(data["from"], data.get("offer") or data)
        await self.wire.emit("answer", {"to": data["from"], "from": "forged", "answer": answer})

    async def answered(self, data):
        answer = data.get("answer") or data
        await self.peers[data["from"]].setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))

    async def trickled(self, data):
        await self.candidate(data["from"], data)

    async def left(self, data):
        await self.close(data["from"])


class Lab(Peer):
    """Of the lab: two in a room, and nobody trickles."""

    def __init__(self, wire, name, is_robot):
        super().__init__(wire, name)
        self.is_robot = is_robot
        self.on("joined", self.joined)
        self.on("invite", self.invited)
        self.on("ok", self.accepted)
        self.on("bye", self.left)

    async def connected(self):
        await self.wire.emit("join", self.name)

    async def joined(self, room):
        await self.wire.emit("invite", await self.offer(room))

    async def invited(self, offer):
        await self.wire.emit("ok", await self.answer(self.name, offer))

    async def accepted(self, answer):
        say("candidates", answer["sdp"].count("a=candidate:"))
        await self.peers[self.name].setRemoteDescription(RTCSessionDescription(**answer))

    async def left(self, room):
        await self.close(self.name)
        await self.wire.emit("bye", self.name)
        if self.is_robot:
            await self.wire.emit("join", self.name)


async def main(protocol, family, role, url, name):
    wire = SocketIo(url) if protocol == "socketio" else ThreeService(url)
    peer = (Robots if family == "robots" else Lab)(wire, name, role == "robot")
    try:
        await wire.run(peer.connected)
    except (socketio.exceptions.ConnectionError, aiohttp.ClientError) as refusal:
        say("refused", str(refusal) or type(refusal).__name__)
    for key in list(peer.peers):
        await peer.close(key)


asyncio.run(main(*sys.argv[1:]))
