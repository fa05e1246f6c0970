"""Killed at its worst moments, the service loses nothing and counts nothing twice; the ledger is the publisher's own."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.publisher import Publisher
from tests.servers import mosquitto
from tests.service.harness import (
    CENTRE,
    Gecc,
    Lives,
    journal_events,
    noon_zone,
    stored,
    tally,
    wait_until,
    write_config,
)

WINDOW = 100
BATCH = 500
MESSAGES, KILLS = 6_700, 34
"""At least so many at each of the three crash points: 20,100 messages and 102 kills."""


class Ledger:
    """Tickets of two services: issued, and called so many seconds later. What the broker took is the truth."""

    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._seq = 0
        self.taken: list[dict[str, Any]] = []

    def next(self, count: int) -> list[bytes]:
        out = []
        for _ in range(count):
            ticket, event = divmod(self._seq, 2)
            wait_s = ticket * 7919 % 1200
            at_us = self._start_us + ticket * 100_000 + (wait_s * 1_000_000 if event else 0)
            self._seq += 1
            said = {"event": ("issued", "called")[event], "ticket": f"A{ticket:05}", "service": ("idcard", "civil")[ticket % 2],
                    "boot": "k1", "seq": self._seq, "time": datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()}  # fmt: skip
            out.append(json.dumps(said | ({"counter": "1"} if event else {})).encode())
        return out

    def note(self, acked: list[bytes]) -> None:
        self.taken += map(json.loads, acked)

    def ids(self) -> Counter[str]:
        return Counter(f"{m['boot']}:{m['seq']:010d}" for m in self.taken)

    def figures(self) -> dict[str, float]:
        """The figures, computed from the publisher's messages in plain Python."""
        at = {(m["ticket"], m["event"]): datetime.fromisoformat(m["time"]) for m in self.taken}
        waits = [(t - at[ticket, "issued"]).total_seconds() for (ticket, event), t in at.items() if event == "called"]
        return {
            "tickets_issued": sum(event == "issued" for _, event in at),
            "ticket_wait_seconds_mean": sum(waits) / len(waits),
            "called": len(waits),
        }


@contextmanager
def published_into(
    tmp_path: Path, make: Callable[[Path], Lives], enough: Callable[[Lives, int], bool]
) -> Iterator[tuple[Path, Ledger, Lives]]:
    """Publish while the service lives and dies, until `enough`; given when nothing is left to be taken."""
    ledger = Ledger(int((time.time() - 7200) * 1e6))
    with mosquitto() as broker:
        site = CENTRE.replace("[[sites]]", f'[[sites]]\ntimezone = "{noon_zone()}"', 1)
        config = write_config(tmp_path, site, mqtt_port=broker.port, receive_maximum=WINDOW)
        # The session must be there before the first message: the service lives once in peace.
        with Gecc(config) as first:
            first.stop()
        with make(config) as lives, Publisher(broker.port, v5=True) as publisher:
            lives.launch()
            while not enough(lives, len(ledger.taken)):
                assert lives.is_alive(), lives.log
                publisher.publish("gecc/v1/nonthaburi/kiosk-1/ticket", ledger.next(BATCH))
                ledger.note(publisher.acked)
                publisher.acked.clear()
                if not lives.loses:  # keep the backlog small: more batches, more moments to die in
                    wait_until(
                        lambda: stored(config.parent / "data") > len(ledger.taken) - 2 * BATCH, "no progress", 60
                    )
            lives.stop()
        yield config, ledger, lives


def settle(config: Path, ledger: Ledger) -> tuple[list[str], dict[str, float], dict[str, Any]]:
    """Let the service take what is left; ids in the journal, metrics and figures."""
    with Gecc(config) as service:
        seen = -1
        while seen != (now := stored(service.data)):
            seen = now
            time.sleep(0.3)
        page = {}

        def counted() -> bool:
            page.update(service.metrics())
            return sum(v for k, v in page.items() if k.startswith("gecc_tickets_issued_total")) >= sum(
                e.type == "ticket.issued" for e in events
            )

        events = journal_events(service.data)
        wait_until(counted, "figures complete")
        figures = service.figures(site="nonthaburi")
        assert service.stop() == 0
    return [e.id for e in events], page, figures


def compare(ledger: Ledger, ids: list[str]) -> tuple[int, int]:
    """Lost and doubled."""
    found, truth = Counter(ids), ledger.ids()
    assert not found.keys() - truth.keys(), "events that nobody published"
    return len(truth.keys() - found.keys()), sum(n - 1 for n in found.values())


def held(ledger: Ledger, page: dict[str, float], figures: dict[str, Any]) -> None:
    truth = ledger.figures()
    for name in ("tickets_issued", "ticket_wait_seconds_mean"):
        assert figures[name]["value"] == pytest.approx(truth[name], rel=1e-12), name
    assert figures["ticket_wait_seconds_mean"]["n"] == truth["called"]
    by_unit = Counter(m["service"] for m in ledger.taken if m["event"] == "issued")
    for unit, n in by_unit.items():
        assert page[f'gecc_tickets_issued_total{{site="nonthaburi",unit="{unit}"}}'] == n


@pytest.mark.parametrize("point", ["before_commit", "after_commit", "between_acks"])
def test_killed_at_a_crash_point_nothing_is_lost_and_nothing_counted_twice(tmp_path, point, tell):
    def enough(lives, messages):
        return messages >= MESSAGES and len(lives.ended()) >= KILLS

    began = time.monotonic()
    with published_into(tmp_path, lambda c: Lives(c, crash=f"{point}:0.5"), enough) as (config, ledger, lives):
        kills = lives.ended().count(-signal.SIGKILL)
        ids, page, figures = settle(config, ledger)
    lost, doubled = compare(ledger, ids)
    again = tally(tmp_path / "data", "duplicates")
    tell(f"{point}: {kills} kills, {len(ledger.taken)} messages, {lost} lost, {doubled} doubled, "
         f"{again} came again, {time.monotonic() - began:.0f} s")  # fmt: skip
    assert (lost, doubled) == (0, 0)
    assert kills >= KILLS
    assert set(lives.ended()) <= {-signal.SIGKILL, 0}, lives.log
    assert again > 0 or point == "before_commit", "what was committed and not acknowledged comes again"
    held(ledger, page, figures)


def test_a_collector_that_acknowledges_at_receipt_loses_messages_here(tmp_path, tell):
    def enough(lives, messages):
        return messages >= 2000 and len(lives.ended()) >= 6

    control = "--early-ack"
    with published_into(tmp_path, lambda c: Lives(c, control, crash="before_commit:0.5"), enough) as (
        config,
        ledger,
        lives,
    ):
        kills = lives.ended().count(-signal.SIGKILL)
        ids, _, _ = settle(config, ledger)
    lost, _ = compare(ledger, ids)
    tell(f"control (acknowledges at receipt): {kills} kills, {len(ledger.taken)} messages, {lost} lost")
    assert lost > 0


def test_killed_at_any_moment_nothing_is_lost_and_nothing_counted_twice(tmp_path, tell):
    def enough(lives, messages):
        return messages >= 5000 and len(lives.ended()) >= 25

    options = ("--signal", str(int(signal.SIGKILL)), "--seconds", "0.15", "0.7")
    with published_into(tmp_path, lambda c: Lives(c, *options), enough) as (config, ledger, lives):
        kills = lives.ended().count(-signal.SIGKILL)
        ids, page, figures = settle(config, ledger)
    lost, doubled = compare(ledger, ids)
    tell(f"any moment: {kills} kills, {len(ledger.taken)} messages, {lost} lost, {doubled} doubled")
    assert (lost, doubled) == (0, 0)
    held(ledger, page, figures)


def test_asked_to_go_under_load_it_goes_cleanly_and_leaves_less_than_a_batch_to_come_again(tmp_path, tell):
    def enough(lives, messages):
        return messages >= 5000 and len(lives.ended()) >= 15

    options = ("--signal", str(int(signal.SIGTERM)), "--seconds", "0.3", "0.6")
    with published_into(tmp_path, lambda c: Lives(c, *options), enough) as (config, ledger, lives):
        stops = len(lives.ended())
        ids, page, figures = settle(config, ledger)
    lost, doubled = compare(ledger, ids)
    again = tally(tmp_path / "data", "duplicates")
    tell(f"SIGTERM: {stops} stops, {len(ledger.taken)} messages, {lost} lost, {doubled} doubled, {again} came again")
    assert set(lives.ended()) == {0}, lives.log
    assert (lost, doubled) == (0, 0)
    assert again <= stops * WINDOW
    held(ledger, page, figures)
