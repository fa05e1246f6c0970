"""`gecc commission`: test tickets or presses of one device, traced from the device to the figures, while the service runs.

It only reads: the journal as any reader does, and the service by its own addresses.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from prometheus_client.parser import text_string_to_metric_families

from telemetry.commands.commission_report import as_json, as_text, said
from telemetry.commands.commissioning import TESTED, WHOLE, Commissioning, Said, doubled, is_settled
from telemetry.commands.common import settings_of
from telemetry.config import Device, Site
from telemetry.figures import query
from telemetry.journal_reader import JournalReader

LOOK_S = 0.2
QUIET_S = 3.0
"""When everything has come, so long without news ends the test: what came twice would be here by then."""
CALLING_S = 30.0
"""The same once the counter has begun to call the tickets."""
SETTLE_S = 20.0
"""The figures must say what came within this time; the page of /metrics is made once a second."""
SAME_S = 1.2
ANSWER_S = 20.0
OLDEST = timedelta(days=8)
"""A live source gives no times older than this."""
SOURCE = "mqtt"


def commission(args: Namespace) -> int:
    """gecc commission: 0 passed, 1 failed."""
    if args.count < 1 or args.seconds <= 0:
        raise ValueError("--count and --seconds: expected more than 0")
    settings, site = settings_of(args)
    service = Running(args.url, site)
    w = said(args.lang)
    device = _device(site, args.device)
    reader = JournalReader(settings.data)
    known = service.device(device)
    for problem in service.problems():
        print(w["not_ready"].format(problem=problem), file=sys.stderr)
    test = Commissioning(site, device, args.count, _now_us())
    test.before, day, (seq, number) = _quiet_figures(service, settings.data, test)
    gaps, duplicates = set(reader.gaps()), _duplicates(reader)
    kind = "tickets" if test.type == "ticket.issued" else "presses"
    print(w[f"start_{kind}"].format(count=test.count, device=device.id), file=sys.stderr, flush=True)
    watch = _Watch(test, reader, seq, number, w[f"progress_{kind}"])
    try:
        watch.run(args.seconds)
    except KeyboardInterrupt:
        test.early = "ended_early" if len(test.traces) < test.count else ""
    deadline = time.monotonic() + SETTLE_S
    while True:
        watch.look()
        test.after, today = service.figures(settings.data, test)
        test.board_days = (day, today)
        if is_settled(test) or time.monotonic() > deadline:
            break
        time.sleep(LOOK_S)
    test.ended_us = _now_us()
    test.gaps = test.gaps_of(g for g in reader.gaps() if g not in gaps)
    refused = sum(r.n for r in test.refused if r.own)
    received = service.device(device)["received"] - known["received"]
    test.repeated = doubled(received if received >= 0 else None, test.heard, refused, _duplicates(reader) - duplicates)
    _hand_out(test, args)
    return 0 if test.passed else 1


def _device(site: Site, name: str) -> Device:
    device = next((d for d in site.devices if d.id == name), None)
    if device is None:
        there = ", ".join(d.id for d in site.devices) or "none; --config says where gecc.toml is"
        raise ValueError(f"--device: no device {name!r} at {site.id}; there are {there}")
    if device.kind not in TESTED:
        raise ValueError(
            f"--device: {name} is a {device.kind}; tested are kiosks and buttons, and its calls with a kiosk"
        )
    return device


def _quiet_figures(
    service: Running, data: Path, test: Commissioning
) -> tuple[Mapping[str, Said], str, tuple[int, int]]:
    """The figures, the day of the board and the ends of the journal, at a moment when nothing of the kind is under way at
    the site; where it never stops, the last ones looked at."""
    reader = JournalReader(data)
    deadline = time.monotonic() + SETTLE_S
    said, day = service.figures(data, test)
    ends = reader.ends()
    while time.monotonic() < deadline:
        time.sleep(SAME_S)
        before, last = (said, day), ends
        (said, day), ends = service.figures(data, test), reader.ends()
        new = reader.read(last[0], ends[0] - last[0]) if ends[0] > last[0] else []
        if (said, day) == before and not any((e.site, e.type) == (test.site.id, test.type) for _, _, e in new):
            break
    return said, day, ends


class _Watch:
    """Follows the journal into the test, and tells how far it is."""

    def __init__(self, test: Commissioning, reader: JournalReader, seq: int, number: int, progress: str) -> None:
        self._test, self._reader, self._seq, self._number = test, reader, seq, number
        self._progress, self._shown = progress, ""

    def run(self, seconds: float) -> None:
        """Until everything has come and nothing more happens, or the time is over."""
        deadline = time.monotonic() + seconds
        while not self._is_done():
            if time.monotonic() > deadline:
                self._test.early = "time_over" if len(self._test.traces) < self._test.count else ""
                break
            time.sleep(LOOK_S)
            self.look()
        if self._shown and sys.stderr.isatty():
            print(file=sys.stderr)

    def look(self) -> None:
        """Take what is new in the journal."""
        test = self._test
        while page := self._reader.read(self._seq):
            for seq, received_us, event in page:
                test.take(seq, received_us, event)
            self._seq = page[-1][0]
        while rejects := self._reader.rejects_after(self._number):
            for _, _, _, source, reason, detail in rejects:
                test.refuse(source, reason, detail)
            self._number = rejects[-1][0]
        self._show()

    def _is_done(self) -> bool:
        test = self._test
        if len(test.traces) < test.count:
            return False
        quiet_s = (_now_us() - test.last_news_us) / 1e6
        calling = test.called > 0 and test.finished < len(test.traces)
        return quiet_s > (CALLING_S if calling else QUIET_S)

    def _show(self) -> None:
        test = self._test
        last = test.traces[-1].event if test.traces else None
        text = self._progress.format(
            n=len(test.traces),
            count=test.count,
            called=test.called,
            finished=test.finished,
            newest=(last.contact or f"{last.a}/{last.b}") if last else "-",
            refused=sum(r.n for r in test.refused),
            dropped=sum(test.dropped.values()),
        )
        if text != self._shown:
            self._shown = text
            begin, end = ("\r", "\x1b[K") if sys.stderr.isatty() else ("", "\n")
            print(f"{begin}{text}", end=end, file=sys.stderr, flush=True)


class Running:
    """What the running service says."""

    def __init__(self, url: str, site: Site) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"--url: expected an address like http://127.0.0.1:8080, got {url!r}")
        self._url, self._site = url.rstrip("/"), site

    def _get(self, path: str, asked: Mapping[str, str], *, any_status: bool = False) -> str:
        url = f"{self._url}{path}" + (f"?{urlencode(asked)}" if asked else "")
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310  the scheme is looked at above
                return str(answer.read().decode())
        except urllib.error.HTTPError as problem:
            with problem:
                if any_status:
                    return problem.read().decode(errors="replace")
            raise OSError(f"{url}: answers {problem.code}; is this the service of this data folder?") from None
        except OSError as problem:
            reason = getattr(problem, "reason", problem)
            raise OSError(f"{url}: {reason}; the service must be running, and --url say where") from None

    def _json(self, path: str, **asked: str) -> Any:
        return json.loads(self._get(path, asked))

    def device(self, device: Device) -> Mapping[str, Any]:
        """Its row of /v1/sources."""
        for row in self._json("/v1/sources", site=self._site.id):
            if row["id"] == device.id:
                return dict(row)
        raise ValueError(f"--device: the running service does not know {device.id}; start it anew with this gecc.toml")

    def problems(self) -> list[str]:
        """Why it is not ready."""
        facts = json.loads(self._get("/readyz", {}, any_status=True))
        return [*facts.get("problems", ()), *(f"{name}: {why}" for name, why in facts.get("not_connected", {}).items())]

    def figures(self, data: Path, test: Commissioning) -> tuple[Mapping[str, Said], str]:
        """The tested figure as every place says it, and the day of the board."""
        began = datetime.fromtimestamp(test.began_us / 1e6, test.zone).date()
        first, last = (began - OLDEST).isoformat(), (began + timedelta(days=2)).isoformat()
        rows: list[dict[str, Any]] = []
        asked: list[dict[str, Any]] = []
        for by in ("total", "unit"):
            rows += query(JournalReader(data), self._site, first, last, by=by)
            period = {"from": first, "to": last}
            asked += self._json("/v1/kpis", site=self._site.id, by=by, **period)
        board = self._json("/v1/board", site=self._site.id)
        said_by = {
            "journal": _of_rows(rows, test.kpi),
            "/v1/kpis": _of_rows(asked, test.kpi),
            "/metrics": self._counters(f"gecc_{test.kpi}_total"),
            "/v1/board": {WHOLE: _of_board(board, test.kpi)},
        }
        return said_by, board["day"]

    def _counters(self, name: str) -> Said:
        of: dict[str, float] = defaultdict(float)
        for family in text_string_to_metric_families(self._get("/metrics", {})):
            for sample in family.samples:
                if sample.name == name and sample.labels["site"] == self._site.id:
                    of[sample.labels["unit"]] += sample.value
        return {WHOLE: sum(of.values()), **of}


def _of_rows(rows: list[dict[str, Any]], kpi: str) -> Said:
    mine = [row for row in rows if row["kpi"] == kpi]
    return {WHOLE if row["unit"] is None else row["unit"]: row["value"] or 0 for row in mine}


def _of_board(board: Mapping[str, Any], kpi: str) -> float:
    """Tickets stand by the hour; votes are what the share of the satisfied is of."""
    if kpi == "tickets_issued":
        return float(sum(hour["tickets_issued"] for hour in board["hours"]))
    return float(sum(row["n"] for row in board["today"] if row["kpi"] == "satisfaction_rate"))


def _duplicates(reader: JournalReader) -> int:
    return reader.tally().get((SOURCE, "duplicates"), 0)


def _hand_out(test: Commissioning, args: Namespace) -> None:
    if args.json:
        text = json.dumps(as_json(test, args.lang), ensure_ascii=False, indent=1)
    else:
        text = "\n".join(as_text(test, args.lang))
    if not args.out:
        print(text)
        return
    args.out.write_text(f"{text}\n", "utf-8")
    w = said(args.lang)
    print(f"{w['result']}: {w['passed'] if test.passed else w['failed']}  {args.out}")


def _now_us() -> int:
    return time.time_ns() // 1000
