"""A service that answers from a recorded morning of one district office, and ways to run the application over it."""

import asyncio
import copy
import json
import threading
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from telemetry.web.routes import make_app, serve

BOARD = json.loads(Path(__file__).with_name("board.json").read_text(encoding="utf-8"))


SOURCE = {
    "convention": None, "format": None, "since_ms": None, "lag_s": None, "delay_s": None, "received": 0, "rejected": {}, "sequence_missing": None,
    "clock_offset_ms": None, "clock_flagged": False, "dropped": None,
}  # fmt: skip
HALL = {"version": 1, "as_of_ms": BOARD["as_of_ms"], "told": True, "calls": [], "lines": []}
OWN = {
    "standing": "unknown", "ahead": None, "counter": None, "called_ms": None, "unit": "", "name_th": "", "name_en": "",
    "from_minutes": None, "to_minutes": None,
}  # fmt: skip


class FakeService:
    """Boards in a dict; `push` publishes a new version of one. The clock runs on from the recorded moment."""

    def __init__(self, *boards):
        self.boards = {board["site"]["id"]: board for board in boards or (copy.deepcopy(BOARD),)}
        self.changes = asyncio.Condition()
        self.asked = []
        self.is_ready = True
        self.broken = False
        self.clock_ms = BOARD["as_of_ms"]
        self.halls, self.tickets, self.glances = {}, {}, {}
        """Site (or ticket) → what differs there from `HALL`, `OWN` and no channel at all."""

    def now_ms(self):
        return self.clock_ms

    def sites(self):
        return [SimpleNamespace(**board["site"], timezone=board["timezone"]) for board in self.boards.values()]

    def board(self, site_id):
        if self.broken:
            raise RuntimeError("secret detail of the inside")
        return self.boards[site_id]

    def sources(self, site_id):
        return [{**SOURCE, **row} for row in self.boards[site_id]["sources"]]

    async def board_soon(self, site_id):
        return self.board(site_id)

    async def hall(self, site_id):
        return {**HALL, **self.halls.get(site_id, {}), "version": self.boards[site_id]["version"]}

    async def ticket(self, site_id, label):
        return {**OWN, "ticket": label, **self.tickets.get(label, {})}

    async def glance(self, site_id):
        return self.glances.get(site_id, {"replies": [], "complaints": None})

    async def changed(self, site_id, last_version):
        async with self.changes:
            await self.changes.wait_for(lambda: self.boards[site_id]["version"] != last_version)
        return self.boards[site_id]["version"]

    async def kpis(self, site_id, from_, to, by, lang):
        self.asked.append((site_id, from_, to, by, lang))
        if from_ == "yesterday":
            raise ValueError("from must be a date such as 2026-11-21")
        names = (
            "kpi",
            "value",
            "numerator",
            "denominator",
            "n",
            "ci_low",
            "ci_high",
            "target",
            "verdict",
            "from",
            "to",
        )
        rows = self.boards[site_id]["today"]
        return [
            {
                **{name: row[name] for name in names},
                "site": site_id,
                "unit": "",
                "definition": row["definition_en"],
                "target_since": None,
                "coverage": 0.975,
            }
            for row in rows
        ]

    def definitions(self, site_id, lang):
        return [
            {
                "kpi": row["kpi"], "label": row[f"label_{lang}"], "group": "<b>group</b>", "criteria": ("Q20.2",),
                "definition": row[f"definition_{lang}"], "facts": [("Formula", "a ÷ b")],
            }
            for row in self.boards[site_id]["today"]
        ]  # fmt: skip

    async def staffing(self, site_id, unit, weeks, what_if, lang):
        self.asked.append((site_id, unit, weeks, what_if, lang))
        if what_if == "more":
            raise ValueError("what-if: expected a half-hour and a change")
        return {
            "site": site_id, "state": "insufficient_data", "units": [], "hours_declared": False, "what_if": [], "method": ["How"],
            "least_days": 4, "least_n": 30,
        }  # fmt: skip

    async def manager(self, site_id, from_, to, lang):
        self.asked.append((site_id, from_, to, lang))
        moment = {"as_of": "2026-11-21T09:41:00+07:00", "today": "2026-11-21", "tomorrow": "2026-11-22"}
        return {
            **moment,
            "from": "2026-10-25",
            "to": "2026-11-22",
            "min_n": 30,
            "least_days": 3,
            "groups": [],
            "worst": [],
        }

    async def metrics(self, accept):
        return b"# EOF\n", "application/openmetrics-text; version=1.0.0; charset=utf-8"

    def health(self):
        return {"alive": True}

    def ready(self):
        return self.is_ready, {"ready": self.is_ready, "journal": "ok"}

    async def push(self, change=None, site_id=None):
        """Publish the next version of a board, changed by `change(board)`."""
        site_id = site_id or next(iter(self.boards))
        board = copy.deepcopy(self.boards[site_id])
        board["version"] += 1
        if change:
            change(board)
        async with self.changes:
            self.boards[site_id] = board
            self.changes.notify_all()
        return board


@asynccontextmanager
async def running(service, **options):
    runner = await serve(make_app(service, **options), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(runner.url) as http:
            yield SimpleNamespace(http=http, url=runner.url, address=runner.address)
    finally:
        await runner.aclose()


@contextmanager
def running_in_thread(make_service, port=0, **options):
    """The application in a thread of its own, for tests that drive a browser. `call` runs a coroutine there."""
    ready = threading.Event()
    box = SimpleNamespace()

    async def main():
        box.loop, box.stop = asyncio.get_running_loop(), asyncio.Event()
        box.service = make_service()
        runner = await serve(make_app(box.service, **options), "127.0.0.1", port)
        box.url, box.port = runner.url, runner.address[1]
        ready.set()
        await box.stop.wait()
        await runner.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(10)
    box.call = lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, box.loop).result(10)
    try:
        yield box
    finally:
        box.loop.call_soon_threadsafe(box.stop.set)
        thread.join(15)


@pytest.fixture
def web_kit():
    """What the tests of this folder share; helpers cannot be imported under --import-mode=importlib."""
    return SimpleNamespace(
        board=lambda: copy.deepcopy(BOARD),
        FakeService=FakeService,
        running=running,
        running_in_thread=running_in_thread,
    )
