"""A provider in a process of its own, which answers after a while: `python -m bench.provider PORT TALLY SECONDS`.

It shares two cores with who is measured, so it is made to cost little: the quicker event loop, no routes, no log.
"""

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web

from bench.tally import Tally


async def serve(port: int, tally: Tally, seconds: float) -> None:
    """Answer a POST with an id, `seconds` after writing the call down; a GET at once."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return web.Response()
        message = orjson.loads(await request.read())
        tally.add(message["to"])
        await asyncio.sleep(seconds)
        return web.Response(body=orjson.dumps({"id": message["to"]}), content_type="application/json")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Tally(sys.argv[2]), float(sys.argv[3])))
