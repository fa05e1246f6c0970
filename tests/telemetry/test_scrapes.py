"""A page of /metrics is made ready before anybody asks: the first one at the start, then as snapshots come."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest

from telemetry import scrapes
from telemetry.exporters import prometheus
from telemetry.scrapes import SCRAPED_S, UNASKED_S, Scrapes


class Live:
    """Snapshots that come when they are told to."""

    snapshot = object()

    def __init__(self) -> None:
        self._next = asyncio.Event()

    async def refreshed(self) -> None:
        await self._next.wait()
        self._next.clear()

    async def refresh(self) -> None:
        self._next.set()
        for _ in range(200):
            await asyncio.sleep(0.001)


@pytest.fixture
def done(monkeypatch):
    """What is done, in its order, at a time that the test says: `done.now_s`."""

    class Done(list):
        now_s, fails = 1000.0, False

    log = Done()

    class Pages:
        def render(self, _view, *, openmetrics):
            log.append("page")
            if log.fails:
                raise ValueError
            return b"openmetrics" if openmetrics else b"text"

        def take_up(self, newest):
            assert newest() is Live.snapshot
            log.append("taken up")

    monkeypatch.setattr(prometheus, "Pages", Pages)
    monkeypatch.setattr(scrapes, "time", SimpleNamespace(monotonic=lambda: log.now_s))
    return log


def run(test):
    async def main():
        async def view():
            return None

        live = Live()
        pages = Scrapes(live, view, clock=lambda: 0.0)
        ready = asyncio.create_task(pages.take_up())
        await live.refresh()
        await test(pages, live)
        ready.cancel()
        with suppress(asyncio.CancelledError):
            await ready

    asyncio.run(main())


def test_the_first_page_is_made_before_anybody_asks(done):
    async def test(_pages, _live):
        assert done[0] == "page"

    run(test)


def test_a_page_is_shared_until_there_is_a_newer_snapshot(done):
    async def test(pages, live):
        for _ in range(3):
            await pages.page("")
        assert done == ["page", "page"], "the one at the start, and one for all"
        live.snapshot = object()
        await pages.page("")
        assert done == ["page"] * 3

    run(test)


def test_while_somebody_scrapes_every_snapshot_is_made_ready_and_after_that_some(done):
    async def test(pages, live):
        assert await pages.page("") == (b"text", prometheus.negotiated("")[1])
        del done[:]
        for _ in range(3):
            await live.refresh()
        assert done == ["taken up"] * 3
        done.now_s += SCRAPED_S
        for later_s in (0.0, UNASKED_S / 2, UNASKED_S / 2 - 1):
            done.now_s += later_s
            await live.refresh()
        assert done == ["taken up"] * 4, "the first of them, for nothing had been made ready for long"
        done.now_s += 1
        await live.refresh()
        assert done == ["taken up"] * 5

    run(test)


def test_what_cannot_be_made_ready_is_told_and_tried_again(done, caplog):
    done.fails = True

    async def test(pages, live):
        assert "could not be made ready" in caplog.text
        done.fails = False
        done.now_s += UNASKED_S
        await live.refresh()
        assert done[-1] == "taken up"
        assert (await pages.page(""))[0] == b"text"

    run(test)
