"""What counter staff need to see beside the board: who waits for a reply online, and which complaints are due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from telemetry.config import Site
from telemetry.journal_reader import JournalReader
from telemetry.live import Snapshot
from telemetry.waiting import Standing
from telemetry.web.screens import Complaints, Glance, Replies

SOON_US = 24 * 3_600_000_000
_REPLIES = ("conversations", "conversations_waiting", "conversations_waiting_overdue")


def glance(site: Site, snapshot: Snapshot, journal: JournalReader, now_us: int) -> Glance:
    """Of one site. Channels that no conversation has come by have no row."""
    code = journal.code(site.id)
    standing = snapshot.standing.get(code, Standing())
    channels = _sums(snapshot, code, _REPLIES)
    declared = [journal.code(channel.id) for channel in site.channels]
    order = [*(u for u in declared if u in channels), *(u for u in channels if u not in declared and journal.names[u])]
    names = {channel.id: channel for channel in site.channels}
    replies: list[Replies] = []
    for unit in order:
        name, due_us = journal.names[unit], standing.reply_due_us.get(unit)
        channel = names.get(name)
        _, waiting, overdue = channels[unit]
        replies.append(
            {
                "unit": name,
                "name_th": (channel and channel.name_th) or name,
                "name_en": (channel and channel.name_en) or name,
                "waiting": waiting,
                "overdue": overdue,
                "first_due_ms": None if due_us is None else due_us // 1000,
            }
        )
    return {"replies": replies, "complaints": _complaints(snapshot, code, standing, now_us)}


def _complaints(snapshot: Snapshot, code: int, standing: Standing, now_us: int) -> Complaints | None:
    rows = _sums(snapshot, code, ("complaints", "complaints_open"))
    if not any(received for received, _ in rows.values()):
        return None
    due = standing.complaints_due_us
    return {
        "open": sum(still for _, still in rows.values()),
        "overdue": sum(us < now_us for us in due),
        "due_soon": sum(now_us <= us < now_us + SOON_US for us in due),
    }


def _sums(snapshot: Snapshot, code: int, measures: Sequence[str]) -> Mapping[int, list[int]]:
    """Unit → sums of these measures over all matters of the site that still are in memory."""
    out: dict[int, list[int]] = {}
    cube = snapshot.matters.get(code)
    for block in cube.blocks.values() if cube else ():
        columns = [block.measure(name) for name in measures]
        if columns[0] is None:
            continue
        for i, unit in enumerate(block.unit.tolist()):
            row = out.setdefault(unit, [0] * len(measures))
            for k, column in enumerate(columns):
                row[k] += int(column[i]) if column is not None else 0
    return {unit: row for unit, row in out.items() if row[0]}
