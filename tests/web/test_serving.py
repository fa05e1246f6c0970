"""A port is let go of, however the start of the web ends."""

from __future__ import annotations

import asyncio
import itertools
import socket

from telemetry.web import serving
from tests.collectors.tcp_tools import cancelled_at, in_loop
from tests.servers import free_port


@in_loop
async def test_a_start_that_is_cancelled_wherever_it_waits_lets_go_of_its_port():
    steps = 0
    for step in itertools.count(1):
        runners, port = [], free_port()

        async def start(port=port, runners=runners):
            runners.append(await serving.serve(serving.web.Application(), "127.0.0.1", port))

        came = await cancelled_at(step, start())
        for runner in runners:
            await runner.aclose()
        await asyncio.sleep(0)  # a listening socket goes with the next turn of the loop
        with socket.create_server(("127.0.0.1", port)):
            steps += came
        if not came:
            break
    assert steps
