"""gecc correct: void an event, add one that no source told, and list what was corrected."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from telemetry import correcting, corrections
from telemetry.archive.signing import Signer
from telemetry.archive.store import Store
from telemetry.commands.common import settings_of
from telemetry.config import Config, Site
from telemetry.corrections import ADDED, OF_PERSONS, Correction, CorrectionError
from telemetry.events import ALIASES, EVENT_TYPES, QUESTIONS, VOIDED, Event, slots
from telemetry.journal import Journal, JournalInUseError
from telemetry.journal_reader import JournalReader
from telemetry.privacy import PSEUDONYM, Pseudonyms
from telemetry.rules import names_of
from telemetry.voided import voids_of

LOOK_S = 0.1


def correct_void(args: Namespace) -> int:
    """gecc correct void; 0 taken in, 1 refused or not taken in yet, 2 wrong arguments or no such event."""
    settings, site = settings_of(args)
    _owned(args.data)
    journal = JournalReader(args.data)
    now_us = time.time_ns() // 1000
    seqs = dict.fromkeys(_seq(journal, site, event, args.source) for event in args.event)
    said = [corrections.void(journal, site, seq, by=args.by, why=args.why, now_us=now_us) for seq in seqs]
    return _enter(args, settings, said)


def correct_add(args: Namespace) -> int:
    """gecc correct add; exit codes as those of void."""
    settings, site = settings_of(args)
    _owned(args.data)
    type_ = ALIASES.get(args.type, args.type)
    if type_ not in ADDED:
        raise CorrectionError(f"--type: {args.type!r} cannot be told by hand; {', '.join(ADDED)} can")
    now_us = time.time_ns() // 1000
    party = args.party
    if party and ADDED[type_].party_is == "agent" and not PSEUDONYM.fullmatch(party):
        party = Pseudonyms(args.data / "keys.json", now_us).agent(site.id, party)
    event = Event(
        site.id, "", "", type_, _time_us(args.time, site), unit=args.unit, contact=args.contact, party=party
    )._replace(**_numbers(type_, args.set))
    journal = JournalReader(args.data)
    return _enter(args, settings, [corrections.add(journal, site, event, by=args.by, why=args.why, now_us=now_us)])


def correct_list(args: Namespace) -> int:
    """gecc correct list; 0, or 1 where a signature does not fit."""
    _, site = settings_of(args)
    journal, good = JournalReader(args.data), True
    rows = []
    signer = Signer(args.data / "archive") if journal.by_hand(site.id) else None
    for seq, _, event in journal.by_hand(site.id):
        row = _row(journal, site, seq, event)
        row["signature_good"] = signer is not None and _is_signed(event, signer)
        good = good and row["signature_good"]
        rows.append(row)
    if args.json:
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=1)
        print()
        return 0 if good else 1
    for row in rows:
        marks = [*([] if row["in_force"] else ["taken back"]), *([] if row["signature_good"] else ["BAD SIGNATURE"])]
        what = (
            f"void #{row['of']} {row['type']}"
            if row["act"] == "void"
            else f"add {row['type']} {row['contact']}".rstrip()
        )
        print(f"#{row['seq']}  {row['time']}  {what}  by {row['by']}: {row['why']}  {' '.join(marks)}".rstrip())
    print(f"{site.id}: {len(rows)} corrections")
    return 0 if good else 1


def _enter(args: Namespace, settings: Config, said: Sequence[Correction]) -> int:
    """Sign, leave it for whoever writes the journal, and see what becomes of it."""
    signer = Signer(Store(args.data).folder)
    signed = [one.signed(signer) for one in said]
    events = [one.as_event(signer) for one in signed]
    paths = [
        correcting.put(args.data, f"{re.sub('[^0-9TZ]', '', one.at)}-{event.id}", one.text)
        for one, event in zip(signed, events, strict=True)
    ]
    _take_in(args.data, settings)
    end = time.monotonic() + args.seconds
    return max([_outcome(args.data, event, path, end) for event, path in zip(events, paths, strict=True)])


def _outcome(data: Path, event: Event, path: Path, end: float) -> int:
    """Wait until it is taken in or refused, at most as long as until `end`, and say so."""
    while True:
        waits = path.exists()  # looked at first: it goes after its event is there
        seq = JournalReader(data).offset(event.source, event.id)
        if seq is not None:
            print(f"{event.site}: {_said(event)} is #{seq}")
            return 0
        if not waits:
            why = correcting.refused(path)
            print(f"gecc: refused: {why.read_text().strip() if why.exists() else 'see the log'}", file=sys.stderr)
            return 1
        if time.monotonic() >= end:
            print(f"gecc: {path}: not taken in yet; the service takes it in as soon as it runs", file=sys.stderr)
            return 1
        time.sleep(LOOK_S)


def _take_in(data: Path, settings: Config) -> None:
    """Do what the service would, where none holds the journal; tried once, for one that starts needs it."""
    try:
        journal = Journal(data)
    except JournalInUseError:
        return
    try:
        journal.ensure([x for s in settings.sites for x in names_of(s)])
        folder = correcting.Correcting(data, journal, settings.sites, clock=time.time)
        for path in correcting.waiting(data):
            unit = folder.read(path)
            if unit is not None:
                journal.commit([unit])
                folder.done(path)
    finally:
        journal.close()


def _seq(journal: JournalReader, site: Site, event: str, source: str | None) -> int:
    """The journal offset of an event that is named by it, or by its source's own id."""
    if source is None and event.isascii() and event.removeprefix("#").isdigit():
        return int(event.removeprefix("#"))
    mine = f"{site.id}/"
    names = [source if source.startswith(mine) else mine + source] if source else sorted(
        name for name in journal.names if name.startswith(mine)
    )  # fmt: skip
    found = {name: seq for name in names if (seq := journal.offset(name, event)) is not None}
    if len(found) != 1:
        many = f"several sources told one: --source {' or '.join(found)}" if found else "no source of it told one"
        raise CorrectionError(f"{site.id} has no single event of the id {event!r}: {many}")
    return next(iter(found.values()))


def _time_us(text: str, site: Site) -> int:
    """An instant; a time without a zone is the site's."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise CorrectionError(f"--time: expected such as 2026-11-20T09:15:00, got {text!r}") from problem
    at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(site.timezone))
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def _numbers(type_: str, said: Sequence[str]) -> dict[str, Any]:
    names = [name for name in EVENT_TYPES[type_].slots if name not in OF_PERSONS]
    out: dict[str, Any] = {}
    for one in said:
        name, equals, text = one.partition("=")
        if not equals or name not in names:
            raise CorrectionError(f"--set: {one!r}; {type_} takes {', '.join(f'{n}=…' for n in names) or 'no number'}")
        try:
            value = QUESTIONS[text] if name == "question" and text in QUESTIONS else int(text)
        except ValueError as problem:
            raise CorrectionError(f"--set: {one!r} is no whole number") from problem
        out["abc"[EVENT_TYPES[type_].slots.index(name)]] = value
    return out


def _owned(data: Path) -> None:
    """The service could not read what somebody else has written."""
    if os.geteuid() == 0 and data.exists() and data.stat().st_uid:
        raise CorrectionError(f"{data}: belongs to another; call this as its owner (user {data.stat().st_uid})")


def _row(journal: JournalReader, site: Site, seq: int, event: Event) -> dict[str, Any]:
    said = json.loads(event.extra)
    of = journal.event(event.a) if event.type == VOIDED else event
    at = datetime.fromtimestamp(event.time_us / 1e6, ZoneInfo(site.timezone)).isoformat(timespec="seconds")
    cols = journal.columns([site.id], event.time_us, event.time_us + 1, voided=True)
    return {
        "seq": seq, "act": "void" if event.type == VOIDED else "add", "of": event.a if event.type == VOIDED else None,
        "type": of.type if of else "", "time": at, "unit": event.unit,
        "contact": event.contact if of and of.type.startswith("ticket.") else "", "numbers": {} if event.type == VOIDED else slots(event),
        "by": said["by"], "why": said["why"], "at": said["at"], "in_force": seq not in voids_of(cols),
    }  # fmt: skip


def _is_signed(event: Event, signer: Signer) -> bool:
    said = json.loads(event.extra)
    try:
        again = Correction(event._replace(id="", extra=""), **said).as_event(signer)
    except CorrectionError:
        return False
    return again == event


def _said(event: Event) -> str:
    return f"void of #{event.a}" if event.type == VOIDED else f"{event.type} {event.contact}".rstrip()
