"""A chat endpoint in a process of its own that costs little, so that a benchmark sees the client's CPU alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection

from aiohttp import web

from harness.tests.loopback_replies import chat_completion

ANSWER = (
    '["self.nav_publisher.publish(self.create_nav_goal(room=\'kitchen\'))", "self.wait_for_navigation()", '
    "\"self.perception_client.call_async(self.create_perception_request(task='find_object', "
    'object_name=\'red ball\'))", "self.wait_for_perception()"]'
)


@contextlib.contextmanager
def fast_server(delay_s: float = 0.0) -> Iterator[str]:
    """Serve until the context ends; gives the base_url. Every request is answered alike after `delay_s`."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_main, args=(theirs, delay_s), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def _main(pipe: Connection, delay_s: float) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(pipe, delay_s))


async def _serve(pipe: Connection, delay_s: float) -> None:
    body = json.dumps(chat_completion("bench", ANSWER)).encode()

    async def chat(request: web.Request) -> web.Response:
        await request.read()
        if delay_s:
            await asyncio.sleep(delay_s)
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=256)
    await site.start()
    pipe.send(runner.addresses[0][1])
    await asyncio.Event().wait()
