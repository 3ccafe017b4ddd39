"""The generator itself: `python -m bench.load`, its plan as JSON on standard input, its answers on standard output."""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson


async def generate(plan: dict[str, Any]) -> dict[str, Any]:
    """Send the warm-up, then the rest by the clock."""
    lines = Path(plan["lines"]).read_bytes().splitlines()
    warm, timed = lines[: plan["warm_up"]], lines[plan["warm_up"] :]
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {plan['key']}"} if plan["key"] else {})
    bodies: list[bytes] = []
    latencies: list[float] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def send_from(waiting: Iterator[bytes]) -> None:
            for line in waiting:
                if plan["pauses"][1]:
                    await asyncio.sleep(random.uniform(*plan["pauses"]))
                began = time.perf_counter()
                async with http.post(plan["url"], data=line) as response:
                    body = await response.read()
                latencies.append(time.perf_counter() - began)
                if response.status != 202:
                    raise RuntimeError(f"answered {response.status}: {body[:500]!r}")
                bodies.append(body)

        async def send(part: list[bytes]) -> float:
            waiting, began = iter(part), time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(plan["connections"]):
                    group.create_task(send_from(waiting))
            return time.perf_counter() - began

        await send(warm)
        latencies.clear()
        seconds = await send(timed)
    return {"bodies": [orjson.loads(body) for body in bodies], "seconds": seconds, "latencies": latencies}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(asyncio.run(generate(orjson.loads(sys.stdin.buffer.read())))))
