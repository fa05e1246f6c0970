"""The zip: the same bytes for the same question, whole or not there, and nothing of a person in it."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import date
from hashlib import sha256

import pyarrow.parquet as pq
import pytest

from telemetry.archive.checkpoint import FIRST
from telemetry.events import Event
from telemetry.evidence import pack
from telemetry.evidence.counted import count
from telemetry.evidence.records import csv_files
from telemetry.evidence.sealed import sealed
from tests.archive.conftest import Room, at
from tests.evidence.conftest import CENTRE, made, said, some_days


def test_a_pack_has_one_folder_sorted_names_and_no_time_of_its_own(packed):
    with zipfile.ZipFile(packed.path) as z:
        names = z.namelist()
        assert names == sorted(names)
        assert {name.split("/")[0] for name in names} == {"GECC"}
        assert {info.date_time for info in z.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(name.isascii() for name in names)
        assert z.testzip() is None


def test_every_file_is_listed_with_its_hash(packed):
    listed = dict(reversed(line.split("  ", 1)) for line in packed.files["SHA256SUMS"].decode().splitlines())
    assert listed == {n: sha256(c).hexdigest() for n, c in packed.files.items() if not n.startswith("SHA256SUMS")}


def test_the_csv_holds_every_sealed_record_and_opens_in_a_spreadsheet(packed):
    content = packed.files["04_records/events-2026-03.csv"]
    assert content.startswith(b"\xef\xbb\xbfseal,local_time,seq,")
    assert content.count(b"\r\n") == content.count(b"\n")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert len(rows) == sum(len(table) for table in packed.found.tables)
    first = next(row for row in rows if row["type"] == "ticket.issued")
    assert (first["seal"], first["local_time"], first["unit"], first["a"]) == (
        "2026-03-02",
        "2026-03-02 09:00:00",
        "idcard",
        "",
    )
    assert {row["seal"] for row in rows} >= {"2026-03-03", "2026-03-03.1"}


def test_the_parquet_files_are_those_of_the_archive(packed):
    for one in packed.found.inside:
        table = pq.read_table(io.BytesIO(packed.files[f"04_sealed/{one.folder.name}/events.parquet"]))
        assert len(table) == one.checkpoint.events


def test_texts_that_would_break_a_line_or_be_a_formula_come_back_as_they_were(tmp_path):
    room = Room(tmp_path / "data")
    odd = ["=1+1", "a,b", 'say "x"', "line\nbreak", "cr\rlf", " ", "๑๒", "'"]
    room.take(
        [
            Event("lab", "lab/kiosk", f"{i}-{text}", "ticket.issued", at(2) + i, "idcard", text, a=0)
            for i, text in enumerate(odd)
        ]
    )
    room.seal(at(6), sites=(CENTRE,))
    one = made(room, tmp_path, date(2026, 3, 2), date(2026, 3, 2))
    assert said(one.files)[0], said(one.files)[1]
    rows = list(csv.DictReader(io.StringIO(one.files["04_records/events-2026-03.csv"].decode("utf-8-sig"), newline="")))
    assert [row["contact"] for row in rows] == odd
    room.journal.close()


BUILD = """
import sys
from datetime import date
from pathlib import Path
from telemetry.archive.store import Store
from telemetry.evidence import pack
from telemetry.evidence.asked import of_span
from telemetry.evidence.catalogue import catalogue
from telemetry.evidence.contents import documents
from telemetry.evidence.counted import count
from telemetry.evidence.scorecard import Asked, Scorecard
from telemetry.evidence.sealed import sealed
data, out = map(Path, sys.argv[1:])
store = Store(data)
found = sealed(store, "lab", date(2026, 3, 2), date(2026, 3, 4))
counted = count(found)
made = pack.data_of(found, counted, store, version="1.0", asked={})
request = Asked(of_span("2026-03-02", "2026-03-05"), "th", "criterion", "Q20.2")
report = Scorecard(found, counted, catalogue(), request, made.hash, made.code).report()
pack.write(out, "GECC", made, documents(report, "criterion"), store)
"""


def test_built_anywhere_at_any_time_it_has_the_same_bytes(centre, tmp_path):
    hashes = set()
    for i, (zone, lang, seed) in enumerate((("UTC", "C", "1"), ("Asia/Bangkok", "th_TH.UTF-8", "7"))):
        out = tmp_path / f"{i}.zip"
        env = {**os.environ, "TZ": zone, "LANG": lang, "LC_ALL": lang, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", BUILD, str(centre.data), str(out)], check=True, env=env)
        hashes.add(sha256(out.read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_the_order_of_files_in_folders_changes_nothing(packed, tmp_path, monkeypatch):
    real = os.scandir

    def backwards(path):
        with real(path) as found:
            return _Listed(sorted(found, key=lambda e: e.name, reverse=True))

    monkeypatch.setattr(os, "scandir", backwards)
    assert made(packed.room, tmp_path).path.read_bytes() == packed.path.read_bytes()


class _Listed(list):
    def __enter__(self):
        return iter(self)

    def __exit__(self, *_):
        pass

    def close(self):
        pass


class Killed(BaseException):
    pass


@pytest.mark.parametrize("point", ["pack_file", "before_pack", "after_pack"])
@pytest.mark.parametrize("old", [b"", b"an older pack"])
def test_killed_at_any_point_there_is_the_old_pack_or_the_new_one(packed, tmp_path, point, old):
    out = tmp_path / "pack.zip"
    if old:
        out.write_bytes(old)

    def crash(name):
        if name == point:
            raise Killed

    with pytest.raises(Killed):
        pack.write(out, "GECC", packed.data, {}, packed.room.store, crashpoint=crash)
    if point == "after_pack":
        assert out.read_bytes() == packed.path.read_bytes()
    else:
        assert (out.read_bytes() if out.exists() else b"") == old
    pack.write(out, "GECC", packed.data, {}, packed.room.store)
    assert out.read_bytes() == packed.path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["pack.zip"]


@pytest.mark.parametrize("old", [b"", b"an older pack"])
def test_killed_by_the_system_at_every_mark_there_is_the_old_pack_or_the_new_one(packed, tmp_path, old):
    """Not an exception that code could tidy up after: SIGKILL, at the first mark, the second, and so on to the last."""
    out, good = tmp_path / "pack.zip", packed.path.read_bytes()
    seen, mark = [], 0
    while b"done" not in seen:
        mark += 1
        out.unlink(missing_ok=True)
        if old:
            out.write_bytes(old)
        seen.append(
            killed_at(mark, lambda crash: pack.write(out, "GECC", packed.data, {}, packed.room.store, crashpoint=crash))
        )
        there = out.read_bytes() if out.exists() else b""
        assert there in (old, good), mark
        assert (there == good) == (len(seen) > len(packed.files) + 1), mark
    assert seen == [b"killed"] * (len(packed.files) + 2) + [b"done"]
    assert out.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["pack.zip"], "what was left half written is taken away"


def killed_at(mark, work):
    """Do some work in a process of its own that is killed at its n-th mark; how it ended."""
    child = os.fork()
    if not child:
        left = mark

        def crash(_name):
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            work(crash)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    return {0: b"done", -signal.SIGKILL: b"killed"}[os.waitstatus_to_exitcode(status)]


def test_a_full_disk_leaves_nothing(packed, tmp_path, monkeypatch):
    def full(_fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        pack.write(tmp_path / "pack.zip", "GECC", packed.data, {}, packed.room.store)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_and_nothing_else(packed, tmp_path):
    with pytest.raises(OSError, match="No such file"):
        pack.write(tmp_path / "nowhere" / "pack.zip", "GECC", packed.data, {}, packed.room.store)


def test_the_whole_chain_from_the_first_seal_on_is_in_it(packed):
    texts = [content.decode() for name, content in packed.files.items() if name.endswith("/checkpoint.txt")]
    assert len(texts) == len(packed.found.chain) == 6
    assert sum(f"previous {FIRST}" in text for text in texts) == 1


def test_records_around_the_period_are_in_it_and_do_not_count(packed):
    manifest = json.loads(packed.files["manifest.json"])
    assert (manifest["records"], manifest["first"], manifest["last"]) == (
        ["2026-03-02", "2026-03-06"],
        "2026-03-02",
        "2026-03-04",
    )
    assert manifest["summary"]["tickets_issued"]["counted"][0] == 19


def test_a_site_without_any_event_in_its_period_makes_an_empty_pack_that_is_good(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(2, 6), visits=1)
    room.seal(at(10), sites=(CENTRE,))
    one = made(room, tmp_path, date(2026, 3, 4), date(2026, 3, 4))
    assert said(one.files)[0]
    assert one.counted.summary()["tickets_issued"]["counted"] == [0, 0, 0]
    room.journal.close()


def test_the_code_is_of_the_manifest_alone(packed):
    assert packed.data.hash == sha256(packed.files["manifest.json"]).hexdigest()
    assert pack.code_of("00" * 32) == "AAAA-AAAA"
    assert pack.code_of("ff" * 32) == "7777-7777"


def test_months_of_records_are_apart(tmp_path):
    room = Room(tmp_path / "data")
    some_days(room, days=(30, 31), visits=1)
    room.seal(at(31) + 5 * 86_400_000_000, sites=(CENTRE,))
    found = sealed(room.store, "lab", date(2026, 3, 30), date(2026, 4, 1))
    assert [name for name, _ in csv_files(found, count(found))] == [
        "04_records/events-2026-03.csv", "04_records/events-2026-04.csv",
    ]  # fmt: skip
    room.journal.close()
