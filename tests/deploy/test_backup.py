"""A copy of the journal is made while the service writes, and gives the same figures when it is put back."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.__main__ import main
from telemetry.events import Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalError, JournalReader
from tests.deploy.shipped import ROOT
from tests.publisher import Publisher
from tests.servers import mosquitto
from tests.service.harness import Gecc, journal_events, noon_zone, stored, wait_until, write_config

SITES = f"""
[[sites]]
id = "quiet"
timezone = "{noon_zone()}"
[[sites.devices]]
id = "kiosk-1"
[[sites]]
id = "busy"
[[sites.devices]]
id = "kiosk-1"
"""


def ticket(n: int, what: str = "issued", **more: object) -> bytes:
    return json.dumps({"event": what, "ticket": f"A{n:03}", "service": "idcard", "boot": "b", **more}).encode()


def settled(gecc: Gecc) -> dict[str, dict]:
    """Every figure but how much of the time so far was told of, which grows as the test goes on."""
    rows = gecc.figures(site="quiet").items()
    still = ("coverage", "completeness")
    return {k: {key: v for key, v in row.items() if key != "coverage"} for k, row in rows if not k.startswith(still)}


def test_a_copy_that_is_made_while_events_come_gives_the_same_figures_when_it_is_put_back(tmp_path):
    with mosquitto() as broker, Gecc(write_config(tmp_path, SITES, mqtt_port=broker.port)) as gecc:
        with Publisher(broker.port, client_id="quiet") as quiet:
            told = [ticket(n, seq=n) for n in range(1, 41)]
            told += [ticket(n, "called", counter="1", seq=100 + n) for n in range(1, 31)]
            told += [ticket(n, "started", counter="1", seq=200 + n) for n in range(1, 31)]
            quiet.publish("gecc/v1/quiet/kiosk-1/ticket", told)
        wait_until(lambda: stored(gecc.data) >= 100, "the events do not come")
        before = settled(gecc)
        stop, sent = threading.Event(), []

        def keep_coming() -> None:
            with Publisher(broker.port, client_id="busy") as busy:
                while not stop.is_set():
                    n = len(sent)
                    busy.publish("gecc/v1/busy/kiosk-1/ticket", [ticket(n, seq=n)])
                    sent.append(n)

        traffic = threading.Thread(target=keep_coming)
        traffic.start()
        try:
            wait_until(lambda: stored(gecc.data) > 130, "nothing comes")
            copy, keys = tmp_path / "copy.db", tmp_path / "keys.json"
            data = ["backup", "--data", str(gecc.data)]
            assert main([*data, "--out", str(copy), "--keys", str(keys)]) == 0
            at_copy = stored(gecc.data)
            wait_until(lambda: stored(gecc.data) > at_copy, "the service stopped writing")
        finally:
            stop.set()
            traffic.join()
    original = journal_events(gecc.data)
    assert (tmp_path / "keys.json").read_bytes() == (gecc.data / "keys.json").read_bytes()

    after = tmp_path / "after"
    (after / "data").mkdir(parents=True)
    shutil.copy(copy, after / "data" / "journal.db")
    shutil.copy(keys, after / "data" / "keys.json")
    put_back = journal_events(after / "data")
    assert 100 < len(put_back) < len(original)
    assert put_back == original[: len(put_back)]  # all there was at one moment, and nothing of later
    with Gecc(write_config(after, SITES)) as gecc:
        figures = settled(gecc)
    assert len(figures) > 200
    assert figures == before


def one_event(n: int) -> Unit:
    event = Event("a", "a/kiosk-1", f"b:{n}", "ticket.issued", 1_700_000_000_000_000 + n, "", f"A{n}", "", "")
    return Unit("a/kiosk-1", Decoded([event]), 1_700_000_000_000_000)


@pytest.fixture
def journal(tmp_path):
    """A journal that is open, as a service has it."""
    it = Journal(tmp_path / "data")
    (tmp_path / "data/keys.json").write_text("{}")
    it.commit([one_event(n) for n in range(5)])
    yield it
    it.close()


def backup(folder: Path, *more: str) -> int:
    return main(["backup", "--data", str(folder / "data"), *more])


def test_a_copy_is_one_file_for_its_owner_only_and_a_good_journal(journal, tmp_path, capsys):
    out = tmp_path / "out" / "journal.db"
    out.parent.mkdir()
    assert backup(tmp_path, "--out", str(out)) == 0
    assert [*out.parent.iterdir()] == [out]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert len(JournalReader(out.parent).read(0, 10)) == 5
    said = capsys.readouterr()
    assert "5 events" in said.out
    assert "keys.json" in said.err


def test_a_folder_gets_a_copy_named_by_its_time_each_time(journal, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    assert backup(tmp_path, "--out", str(out)) == 0
    assert re.fullmatch(r"journal-\d{8}-\d{6}\.db", next(out.iterdir()).name)


def test_keys_are_copied_only_when_asked_for_and_to_a_place_of_their_own(journal, tmp_path):
    assert backup(tmp_path, "--out", str(tmp_path / "copy.db")) == 0
    assert not [f for f in tmp_path.rglob("keys*") if f.parent.name != "data"]
    assert b"callers" not in (tmp_path / "copy.db").read_bytes()
    assert backup(tmp_path, "--out", str(tmp_path / "copy.db"), "--keys", str(tmp_path / "k")) == 0
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


def test_a_copy_that_cannot_be_finished_leaves_the_one_of_before_as_it_was(journal, tmp_path, monkeypatch):
    out = tmp_path / "copy.db"
    assert backup(tmp_path, "--out", str(out)) == 0
    before = out.read_bytes()
    journal.commit([one_event(9)])
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert backup(tmp_path, "--out", str(out)) == 1
    assert out.read_bytes() == before
    assert not [*tmp_path.glob("*.part")]


def test_a_damaged_journal_gives_no_copy(journal, tmp_path, capsys):
    journal.close()
    file = tmp_path / "data/journal.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = bytearray(file.read_bytes())
    for page in range(1, len(raw) // 8192):
        raw[page * 8192 : page * 8192 + 64] = b"\xff" * 64
    file.write_bytes(raw)
    assert backup(tmp_path, "--out", str(tmp_path / "copy.db")) == 1
    assert "journal.db" in capsys.readouterr().err
    assert not (tmp_path / "copy.db").exists()


def test_a_journal_of_another_version_can_be_copied_before_it_is_brought_up_to_date(journal, tmp_path):
    journal.close()
    with closing(sqlite3.connect(tmp_path / "data/journal.db")) as db:
        db.execute("PRAGMA user_version=2")
    assert backup(tmp_path, "--out", str(tmp_path / "copy.db")) == 0


def test_an_earlier_version_refuses_a_newer_journal_and_leaves_it_alone(journal, tmp_path):
    journal.close()
    file = tmp_path / "data/journal.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version=99")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.read_bytes()
    with pytest.raises(JournalError, match="written by another version"):
        Journal(tmp_path / "data")
    assert file.read_bytes() == before


def test_where_there_is_no_journal_it_says_so(tmp_path, capsys):
    assert backup(tmp_path, "--out", str(tmp_path / "copy.db")) == 1
    assert "no journal here" in capsys.readouterr().err


# The notes ----------------------------------------------------------------------------------------------------------


def blocks(lang: str) -> list[str]:
    return re.findall(r"(?ms)^```sh\n(.*?)^```", (ROOT / f"deploy/operations.{lang}.md").read_text("utf-8"))


def test_the_notes_say_the_same_commands_in_both_languages():
    assert len(blocks("en")) == 6
    assert blocks("th") == blocks("en")


def test_the_commands_of_the_notes_back_up_and_restore(journal, tmp_path):
    """Run as they stand, in other folders, with a systemctl and a chown that do nothing."""
    journal.close()
    bin_, kept = tmp_path / "bin", tmp_path / "backups"
    for folder in (bin_, kept):
        folder.mkdir()
    for name in ("systemctl", "chown"):
        (bin_ / name).write_text("#!/bin/sh\n")
    (bin_ / "gecc").write_text(f'#!/bin/sh\nexec {sys.executable} -m telemetry "$@"\n')
    for program in bin_.iterdir():
        program.chmod(0o755)

    def run(script: str) -> None:
        script = script.replace("/var/lib/gecc", str(tmp_path / "data"))
        for of in ("gecc-keys", "gecc-before", "gecc"):
            script = script.replace(f"/var/backups/{of}", str(kept / of))
        path = {"PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        subprocess.run(["sh", "-euc", script], check=True, env=os.environ | path, cwd=tmp_path, capture_output=True)

    (kept / "gecc").mkdir()
    (kept / "gecc-keys").mkdir()
    before = journal_events(tmp_path / "data")
    keys = (tmp_path / "data/keys.json").read_bytes()
    copy, with_keys, restore = blocks("en")[:3]
    run(copy)
    time.sleep(1.1)  # named by the second
    run(with_keys)
    newest = max((kept / "gecc").glob("journal-*.db"))
    newest.rename(kept / "gecc/journal.db")
    (tmp_path / "data/journal.db").write_bytes(b"lost")
    run(restore)
    assert sorted(f.name for f in (tmp_path / "data").iterdir() if f.suffix in (".db", ".json")) == [
        "journal.db",
        "keys.json",
    ]
    assert journal_events(tmp_path / "data") == before
    assert (tmp_path / "data/keys.json").read_bytes() == keys
    assert (kept / "gecc-before/journal.db").read_bytes() == b"lost"
