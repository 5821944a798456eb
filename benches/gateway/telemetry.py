#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Programs that speak: URL, how many, and how often a second each. They say "connected" when all are."""

import asyncio
import sys
import time

import websockets


async def hear(gateway):
    async for _ in gateway:
        pass


async def tell(gateway, period):
    due = time.monotonic()
    while True:
        # As a page's clock: milliseconds since 1970.
        await gateway.send(f"{time.time() * 1000:.3f}")
        due += period
        await asyncio.sleep(max(0, due - time.monotonic()))


async def main(url, count, rate):
    programs = [await websockets.connect(f"{url}/service{number}") for number in range(count)]
    print("connected", flush=True)
    await asyncio.gather(*(work for gateway in programs for work in (hear(gateway), tell(gateway, 1 / rate))))


try:
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
except (KeyboardInterrupt, websockets.ConnectionClosed):
    pass
