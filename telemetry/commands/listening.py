"""Listening to a source for a while, for commands that keep nothing of it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from collectors.base import Collector, NotConnected


async def heard_within(seconds: float, collector: Collector, announcement: str) -> list[Any]:
    """The records that come within these seconds; `announcement` is printed once connected. OSError when nobody is
    there, or goes before anything was said."""
    records: list[Any] = []
    try:
        async with asyncio.timeout(seconds):
            await collector.connect("")
            print(announcement, file=sys.stderr)
            async for batch in collector.batches():
                records += batch.records
                batch.ack()
    except NotConnected as problem:
        if not records:
            raise OSError(str(problem)) from problem
    except TimeoutError:
        pass  # that is when listening ends
    finally:
        await collector.aclose()
    return records
