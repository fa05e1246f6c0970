"""`gecc check-source`, and imports that say what they need: what an integrator is told before anything is kept."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.formats import FORMATS
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.recognition import Watched, guesses, is_wrong
from telemetry.journal_reader import JournalReader
from tests.servers import free_port

LAB = Path(__file__).resolve().parents[1] / "data" / "asterisk-lab"
CASES = Path(__file__).resolve().parents[1] / "formats"


def looked_at(gecc, *arguments):
    code, out, err = gecc("check-source", "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


def pasted(text):
    """The settings that a report ends with, as TOML reads them."""
    block = text[text.index("Settings to paste") :].splitlines()[1:]
    return tomllib.loads("\n".join(line.strip() for line in block))["sites"]["sources"][0]


def avaya(path, start, *, buddhist=False):
    """An IP Office log of two calls, as it writes them in its own wall-clock time."""
    year = start.year + 543 * buddhist
    rows = (
        f"{year}/{start:%m/%d %H:%M:%S},00:00:20,8,0812345678,I,1111,1111,,0,1000001,0,E201,Anong,T9001,Line 1.1,0,0",
        f"{year}/{start:%m/%d %H:%M:%S},00:00:00,9,0812345679,I,1111,1111,,0,1000002,0,E201,Anong,T9001,Line 1.2,0,0",
    )
    path.write_text("\r\n".join(rows) + "\r\n")
    return path


def test_a_log_is_named_read_and_its_settings_can_be_pasted(gecc):
    code, out, _ = gecc("check-source", LAB / "queue_log")
    assert code == 0
    assert "this looks like Asterisk queue_log" in out
    assert "records 1317, events 1317, ignored 0, rejects 0" in out
    assert "complaints  answered" in out
    assert pasted(out)["format"] == "asterisk_queue_log"


def test_what_cannot_be_read_is_told_without_the_number_in_it(gecc, tmp_path):
    log = avaya(tmp_path / "smdr.log", datetime.now(UTC))
    good = log.read_text()
    log.write_text(good + good.replace(",00:00:20,", ",0812345670,"))
    _, out, _ = gecc("check-source", log)
    assert "What cannot be read" in out and "xxxxxxxxxx" in out and "081234567" not in out
    (tmp_path / "diary").write_text("somebody called from 0812345678\n")
    code, _, err = gecc("check-source", tmp_path / "diary")
    assert code == 1 and "somebody called from xxxxxxxxxx" in err
    (tmp_path / "unknown.csv").write_text("2026-11-21 09:00:00,5,800,0812345678,x\n" * 2)
    _, out, _ = gecc("check-source", tmp_path / "unknown.csv")
    assert "4 'xxxxxxxxxx'" in out and "0812345678" not in out


def test_records_of_one_call_are_shown_as_one_call(gecc):
    case = CASES / "asterisk_cdr" / "local_channels_and_telephones_own_records" / "input.csv"
    calls = looked_at(gecc, case, "--set", "timezone=Asia/Bangkok")["contacts"]
    shown = [(c["unit"], c["outcome"], c["talk_s"]) for c in calls]
    assert shown[:2] == [("2000", "answered", None), ("600", "answered", None)]
    assert len(shown) == 4


def test_callers_who_withhold_their_number_are_shown_as_withheld_however_it_is_written(gecc, tmp_path):
    log = tmp_path / "queue_log"
    said = ("", "anonymous", "Restricted", "unknown", "<unknown>", "0000000000", "0812345678", "+66812345678")
    log.write_text(
        "".join(f"179522640{n}|179522640{n}.1|info|NONE|ENTERQUEUE||{cli}|1\n" for n, cli in enumerate(said))
    )
    assert [c["caller"] for c in looked_at(gecc, log)["contacts"]] == ["withheld"] * 6 + ["known"] * 2


def test_a_log_of_extensions_only_says_which_numbers_are_taken_for_extensions(gecc, tmp_path):
    log = tmp_path / "Master.csv"
    call = (
        '"","3035","2","in","3035","SIP/3035-0000063a","","Queue","info,c","2026-11-21 09:00:00","2026-11-21 09:00:00"'
    )
    log.write_text(f'{call},"2026-11-21 09:01:22",82,82,"ANSWERED","DOCUMENTATION","1795226400.1",""\n')
    assert "numbers of up to 6 digits are extensions" in looked_at(gecc, log)["notes"][-1]


def test_it_keeps_nothing_and_shows_no_number(gecc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, out, err = gecc("check-source", LAB / "queue_log")
    assert list(tmp_path.iterdir()) == []
    numbers = {
        call["number"] for call in json.loads(gzip.decompress((LAB / "telephones.json.gz").read_bytes()))["calls"]
    } - {"anonymous"}
    assert not any(number in out + err for number in numbers)


def test_every_reject_is_shown_with_its_line_and_reason(gecc, tmp_path):
    log = tmp_path / "queue_log"
    lines = (LAB / "queue_log").read_bytes().splitlines()
    lines[7:7] = [b"not a line"]
    lines[900:900] = [b"1795254201|x"]
    log.write_bytes(b"\n".join(lines) + b"\n")
    seen = looked_at(gecc, log)
    assert [(r["record"], r["reason"]) for r in seen["rejected"]] == [(8, "malformed_line"), (901, "malformed_line")]
    assert "record 8: malformed_line" in gecc("check-source", log)[1]


@pytest.mark.parametrize("zone", ["Asia/Bangkok", "UTC"])
def test_the_zone_is_told_from_when_the_file_was_written(gecc, tmp_path, zone):
    written = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    there = written + timedelta(hours=7 if zone == "Asia/Bangkok" else 0)
    log = avaya(tmp_path / "smdr.log", there - timedelta(minutes=1))
    os.utime(log, (written.timestamp(), written.timestamp()))
    seen = looked_at(gecc, log)
    assert seen["settings"].get("timezone", "Asia/Bangkok") == zone
    assert seen["contacts"][0]["arrival"] == "2026-11-21 09:59:00"


def test_a_zone_that_cannot_be_told_is_not_guessed(gecc, tmp_path):
    log = avaya(tmp_path / "smdr.log", datetime(2026, 3, 1, 9, 0, tzinfo=UTC))
    assert any("cannot be told" in note for note in looked_at(gecc, log)["notes"])


def test_the_era_is_told_from_the_years(gecc, tmp_path):
    log = avaya(tmp_path / "smdr.log", datetime(2026, 3, 1, 9, 0, tzinfo=UTC), buddhist=True)
    seen = looked_at(gecc, log)
    assert seen["settings"]["era"] == "be"
    assert seen["contacts"][0]["arrival"].startswith("2026-03-01")


def test_a_log_copied_later_is_not_given_a_zone_by_chance(gecc, tmp_path):
    written = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    log = avaya(tmp_path / "smdr.log", written - timedelta(hours=8))
    os.utime(log, (written.timestamp(), written.timestamp()))
    seen = looked_at(gecc, log)
    assert "timezone" not in seen["settings"]
    assert any("an old copy, or it is of Etc/GMT+8" in note for note in seen["notes"])


def test_the_zone_of_calls_is_told_by_their_ids_however_far_it_is_from_here(gecc, tmp_path):
    log = tmp_path / "cdr.csv"
    log.write_text(
        "src,dst,dcontext,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,uniqueid\n"
        "0812345678,6500,queues,SIP/t-1,SIP/5301-1,Queue,6500,2013-12-03 14:01:41,2013-12-03 14:01:41,"
        "2013-12-03 14:01:46,5,5,ANSWERED,1386100901.0\n"
    )
    assert looked_at(gecc, log)["settings"]["timezone"] == "Etc/GMT+6"


def test_years_of_two_digits_say_nothing_of_the_era(gecc, tmp_path):
    log = tmp_path / "x.csv"
    log.write_text("start,queue,talk\n21/11/26 09:00:00,200,5\n22/11/26 09:00:00,200,5\n")
    fields = 'fields={start="start",unit="queue",talk="talk"}'
    seen = looked_at(gecc, log, "--format", "generic_csv", "--set", fields, "--set", "date_order=dmy")
    assert "era" not in seen["settings"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_log_of_no_known_make_is_described_by_its_columns_and_what_to_do(gecc, tmp_path, delimiter):
    rows = ("Time,From,To,Talk", "2026-11-21 09:00:00,0812345678,200,5", "2026-11-21 09:01:00,0812345679,200,0")
    (tmp_path / "x.csv").write_text("\n".join(rows).replace(",", delimiter) + "\n")
    code, out, _ = gecc("check-source", tmp_path / "x.csv")
    assert code == 0
    assert "columns 1 'Time', 2 'From', 3 'To', 4 'Talk'" in out
    assert "deploy/pbx/any-other.md" in out
    assert pasted(out) == {"id": "pbx", "format": "generic_csv", "delimiter": delimiter, "fields": {}}
    fields = 'fields={start="Time",caller="From",called="To",talk="Talk"}'
    given = ("--format", "generic_csv", "--set", f"delimiter={json.dumps(delimiter)}", "--set", fields)
    assert [c["outcome"] for c in looked_at(gecc, tmp_path / "x.csv", *given)["contacts"]] == ["answered", "abandoned"]


@pytest.mark.parametrize(
    ("content", "told"),
    [("a,b".encode("utf-16"), "UTF-16"), (b"PK\x03\x04" + bytes(99), "Excel")],
    ids=["utf16", "xlsx"],
)
def test_what_must_be_saved_otherwise_first_is_said(gecc, tmp_path, content, told):
    (tmp_path / "x").write_bytes(content)
    assert told in gecc("check-source", tmp_path / "x")[2]


def test_a_file_of_no_format_is_said_to_be_none(gecc, tmp_path):
    (tmp_path / "x").write_text("Lorem ipsum dolor sit amet\n" * 30)
    code, out, err = gecc("check-source", tmp_path / "x")
    assert (code, out) == (1, "")
    assert "none of the formats asterisk_queue_log, asterisk_cdr" in err


def test_an_empty_file_is_said_to_be_empty(gecc, tmp_path):
    (tmp_path / "x").write_bytes(b"")
    assert "there is nothing in it" in gecc("check-source", tmp_path / "x")[2]


@pytest.mark.parametrize("name", sorted(n for n, row in FORMATS.items() if row.recognise and row.records == "lines"))
def test_the_cases_of_a_format_are_recognised_as_what_they_are(name):
    """The cases of plain calls; those of broken lines are no log of anything."""
    for case in sorted((CASES / name).glob("*/")):
        if any(word in case.name for word in ("cannot", "wrong", "not_", "no_header", "odd", "own")):
            continue
        records = next(case.glob("input.*")).read_bytes().splitlines()
        if len(records) < 4 or name == "generic_csv":
            continue
        found = guesses(records)
        assert found, case.name
        best = [n for n, guess in found if guess.sure > found[0][1].sure - 0.05]
        assert name in best, (case.name, found)


def test_a_live_source_is_listened_to_for_a_while(gecc):
    with socket.create_server(("127.0.0.1", 0)) as pbx:

        def serve():
            peer, _ = pbx.accept()
            with peer:
                peer.sendall(b"\r\n".join((LAB / "queue_log").read_bytes().splitlines()[:300]) + b"\r\n")
                over.wait(60)

        over, thread = threading.Event(), threading.Thread(target=serve)
        thread.start()
        try:
            seen = looked_at(gecc, f"tcp://127.0.0.1:{pbx.getsockname()[1]}", "--seconds", "4")
        finally:
            over.set()
            thread.join()
    assert (seen["events"], seen["settings"]["format"]) == (300, "asterisk_queue_log")


def test_nobody_there_is_said(gecc):
    code, _, err = gecc("check-source", f"tcp://127.0.0.1:{free_port()}", "--seconds", "1")
    assert code == 1
    assert "failed" in err


# Imports ----------------------------------------------------------------------------------------------------------


def test_an_import_of_another_format_names_what_it_looks_like_and_takes_nothing(gecc, tmp_path):
    code, _, err = gecc(
        "import", "--data", tmp_path / "d", "--site", "lab", "--format", "avaya_smdr", LAB / "queue_log"
    )
    assert code == 1
    assert "this is not avaya_smdr; it looks like Asterisk queue_log (format asterisk_queue_log)" in err
    assert not (tmp_path / "d" / "journal.db").exists()


def test_an_import_says_which_setting_it_needs(gecc, tmp_path):
    command = ("import", "--data", tmp_path / "d", "--site", "lab", "--format", "asterisk_cdr")
    code, _, err = gecc(*command, LAB / "queue_log")
    assert code == 2
    assert "timezone: missing; asterisk_cdr cannot be read without it" in err
    assert gecc(*command, "--set", "timezone=Bangkok", LAB / "queue_log")[0] == 2


def test_two_logs_of_one_telephone_system_count_each_call_once(gecc, tmp_path):
    """The channel events know callers that a full queue refused, and desk telephones: neither changes what the queue
    log says, and both are shown."""
    data = tmp_path / "d"

    def figures():
        rows = json.loads(gecc("kpis", "--data", data, "--site", "lab", "--format", "json", "--by", "unit")[1])
        rows += json.loads(gecc("kpis", "--data", data, "--site", "lab", "--format", "json")[1])
        return {(r["unit"], r["kpi"]): (r["value"], r["n"]) for r in rows if r["unit"] != "1000"}

    base = ("import", "--data", data, "--site", "lab")
    assert gecc(*base, "--format", "asterisk_queue_log", LAB / "queue_log")[0] == 0
    before = figures()
    code, _, err = gecc(*base, "--format", "asterisk_cel", "--set", "timezone=UTC", next(LAB.glob("cel.csv*")))
    assert code == 0, err
    after = figures()
    changed = {key for key in before | after if before.get(key) != after.get(key)}
    assert {kpi for _, kpi in changed} <= {"calls_did_without_entry", "calls_only_in_other_log"}
    assert after[None, "calls_only_in_other_log"][0] > 0
    assert before["idcard", "calls_did_without_entry"][0] > 0


# A log that is followed -------------------------------------------------------------------------------------------


def test_a_followed_log_of_another_format_is_named_once_and_its_lines_are_kept():
    lines = avaya_lines = [
        b"2026/03/01 09:00:%02d,00:00:20,8,0812345678,I,1111,1111,,0,1,0,E201,A,T9001,L,0,0" % n for n in range(40)
    ]
    log = Watched(QueueLog(site="s", source="pbx"), "asterisk_queue_log", site="s", source="pbx")
    rejected = log.feed(lines[:10], 0).rejected + log.feed(avaya_lines[10:], 0).rejected
    wrong = [r for r in rejected if r.reason == "wrong_format"]
    assert len(rejected) == 41
    assert len(wrong) == 1
    assert "it looks like Avaya" in wrong[0].detail


def test_a_good_log_with_a_broken_line_is_not_called_wrong():
    lines = (LAB / "queue_log").read_bytes().splitlines()[:50]
    log = Watched(QueueLog(site="s", source="pbx"), "asterisk_queue_log", site="s", source="pbx")
    assert [r.reason for r in log.feed([b"nonsense", *lines], 0).rejected] == ["malformed_line"]
    assert is_wrong("asterisk_queue_log", [b"nonsense", *lines]) is None


def test_what_an_import_knows_of_a_source_does_not_change_what_the_service_said_of_it(gecc, tmp_path):
    data = tmp_path / "d"
    assert gecc("import", "--data", data, "--site", "lab", "--format", "asterisk_queue_log", LAB / "queue_log")[0] == 0
    ((teller),) = JournalReader(data).tellers().values()
    assert (teller.rank, teller.followed) == (1, False)
