#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""A program on the robot that does what a test says. Each line of its input is sent: {"text": ...}, {"hex": ...}, or
{"many": [number, text]}. Each message it gets is a line of its output: {"text": ...}, or {"hex": ...} and the length; with `clock` after
the address also `at`, when that was in milliseconds of CLOCK_MONOTONIC."""

import asyncio
import json
import sys
import time

import websockets


async def speak(gateway):
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        told = json.loads(line)
        if "many" in told:
            number, text = told["many"]
            for i in range(number):
                await gateway.send(f"{text}{i}")
        else:
            await gateway.send(told["text"] if "text" in told else bytes.fromhex(told["hex"]))


async def main(url, has_clock):
    try:
        async with websockets.connect(url, max_size=None) as gateway:
            print("connected", flush=True)
            speaking = asyncio.create_task(speak(gateway))
            try:
                async for message in gateway:
                    at = {"at": time.monotonic() * 1000} if has_clock else {}
                    heard = {"text": message} if isinstance(message, str) else {"hex": message[:16].hex(), "length": len(message)}
                    print(json.dumps(heard | at, ensure_ascii=False), flush=True)
                print("closed", flush=True)
            finally:
                speaking.cancel()
    except websockets.InvalidHandshake as refused:
        # In the response since version 13 of websockets, which Debian 13 has.
        print(f"refused {getattr(refused, 'response', refused).status_code}", flush=True)
    except websockets.ConnectionClosed as closed:
        print(f"closed {closed}", flush=True)


try:
    asyncio.run(main(sys.argv[1], sys.argv[2:] == ["clock"]))
except KeyboardInterrupt:
    pass
