"""The service ends when it is asked to, whatever its parts do with that."""

from __future__ import annotations

import asyncio

from telemetry import app


def test_what_loses_its_cancellation_is_cancelled_again(monkeypatch):
    monkeypatch.setattr(app, "AGAIN_S", 0.01)
    swallowed = []

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed.append(1)
                if len(swallowed) > 2:
                    raise

    async def go() -> None:
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60))]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await app._end(tasks)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(go())
    assert len(swallowed) == 3
