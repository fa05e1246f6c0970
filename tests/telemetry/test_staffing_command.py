"""`gecc staffing`: what a manager reads, from the journal to the table; and when it says that it cannot say."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from collectors.base import Message
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.kiosk_json import DeviceRow, KioskJson, SiteRow
from kpis.staffing.erlang import queue
from kpis.staffing.staffing import Goal, needed
from telemetry import staffing_view
from telemetry.config import Service, Site
from telemetry.events import MISSING, Decoded, Event
from telemetry.journal import Journal, Unit
from telemetry.journal_reader import JournalReader
from telemetry.settings import Change
from telemetry.simulate import simulate_day
from telemetry.simulate.plan import SERVICES
from telemetry.staffing import staffing, what_if
from telemetry.staffing_view import report
from telemetry.text import LANGUAGES, words

ZONE = ZoneInfo("Asia/Bangkok")
MONDAY = date(2024, 8, 19)
"""Six weeks from here have no public holiday."""
HOURS = {"mon-fri": "08:30-16:30"}
OFFICE = Site(id="bkk", hours=HOURS, services=(Service(id="idcard", target_minutes=15),))
LATER = int(datetime(2024, 12, 1, tzinfo=ZONE).timestamp()) * 1_000_000
TOML = '[[sites]]\nid = "bkk"\nhours = { "mon-fri" = "08:30-16:30" }\n'


def us(day: date, clock: str) -> int:
    return int(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).timestamp()) * 1_000_000


def workdays(weeks: int) -> list[date]:
    return [MONDAY + timedelta(n) for n in range(7 * weeks) if n % 7 < 5]


def calls(day: date, clock: str, count: int, *, talk_s: int | None = 180, gave_up: int = 0, unit: str = "hotline"):
    """Answered at once, a minute apart; the last `gave_up` of them hung up after 90 s."""
    for n in range(count):
        t = us(day, clock) + n * 60_000_000
        fact = {"site": "bkk", "source": "pbx", "unit": unit, "contact": f"{unit}{t}", "party": "agent-1"}
        name = f"{t}.{unit}"
        yield Event(id=f"{name}.1", type="call.entered", time_us=t, **fact)
        if n >= count - gave_up:
            yield Event(id=f"{name}.2", type="call.abandoned", time_us=t + 90_000_000, a=90_000, **fact)
        else:
            yield Event(id=f"{name}.2", type="call.connected", time_us=t, a=0, **fact)
            talk_ms = MISSING if talk_s is None else talk_s * 1000
            yield Event(
                id=f"{name}.3", type="call.completed", time_us=t + (talk_s or 60) * 1_000_000, b=talk_ms, **fact
            )


def tickets(day: date, clock: str, count: int, unit: str = "idcard", minutes: int = 5):
    for n in range(count):
        t = us(day, clock) + n * 30_000_000
        fact = {"site": "bkk", "source": "kiosk", "contact": f"{unit[:1]}{n}", "unit": unit}
        for step, at_s in (("issued", 0), ("called", 60), ("started", 60), ("finished", 60 + minutes * 60)):
            yield Event(id=f"{t}.{unit}.{step}", type=f"ticket.{step}", time_us=t + at_s * 1_000_000, **fact)


def journal(folder, events, toml: str = TOML) -> JournalReader:
    to = Journal(folder)
    to.ensure(["bkk", "idcard", "tax"])
    to.commit([Unit("mqtt", Decoded(sorted(events, key=lambda e: e.time_us)), 0)])
    to.close()
    (folder / "gecc.toml").write_text(toml, "utf-8")
    return JournalReader(folder)


def regular(weeks: int, count: int = 20, **more) -> list[Event]:
    """Each working day twenty calls at ten."""
    return [e for day in workdays(weeks) for e in calls(day, "10:00", count, **more)]


def told(reader: JournalReader, site: Site = OFFICE, change: str | None = None, **question):
    needs = staffing(reader, site, now_us=question.pop("now_us", LATER), **question)
    return report(needs, site, "en", what_if(change) if change else None)


def slot(unit, day="mon", clock="10:00"):
    return next(s for s in unit["slots"] if (s["day"], s["time"]) == (day, clock))


def test_a_half_hour_needs_what_erlang_says_of_its_measured_load(tmp_path):
    (unit,) = told(journal(tmp_path, regular(6)))["units"]
    assert (unit["kind"], unit["unit"], unit["n"], unit["days"]) == ("calls", "hotline", 600, 30)
    assert unit["goal"] == {"within_seconds": 20, "share": 0.8}
    s = slot(unit)
    assert (s["days"], s["n"], s["arrivals"], s["handle_seconds"], s["handle_n"]) == (6, 120, 20, 180, 120)
    assert s["load"] == pytest.approx(2)
    assert s["needed"] == needed(2, 180, Goal(20))[0] == 4
    assert (s["patience_seconds"], s["patience_n"]) == (None, 0)
    assert s["present"] is None


def test_where_nobody_ever_comes_nobody_is_needed(tmp_path):
    (unit,) = told(journal(tmp_path, regular(6)))["units"]
    quiet = slot(unit, "fri", "16:00")
    assert (quiet["arrivals"], quiet["needed"], quiet["state"]) == (0, 0, "ok")
    assert {(s["day"], s["time"]) for s in unit["slots"]} == {
        (day, f"{8 + (30 + 30 * n) // 60:02}:{(30 + 30 * n) % 60:02}")
        for day in ("mon", "tue", "wed", "thu", "fri")
        for n in range(16)
    }


def test_callers_who_give_up_tell_how_patient_they_are_and_erlang_a_is_used(tmp_path):
    (unit,) = told(journal(tmp_path, regular(6, 29, talk_s=600, gave_up=5)))["units"]
    s = slot(unit)
    assert (unit["patience_seconds"], unit["patience_n"], unit["waited_n"]) == (90, 150, 870)
    assert (s["patience_seconds"], s["patience_n"]) == (90, 30)
    load = 29 / 1800 * 600
    assert s["needed"] == needed(load, 600, Goal(20), 90)[0]
    assert needed(load, 600, Goal(20), 90)[0] < needed(load, 600, Goal(20))[0], "or the test shows nothing"


def test_what_if_says_what_callers_meet_with_and_without(tmp_path):
    reader = journal(tmp_path, regular(6, gave_up=5))
    (row,) = told(reader, change="mon 10:00 -1")["what_if"]
    n = int(needed(2, 180, Goal(20), 90)[0])
    assert (row["compared_with"], row["now"]["servers"], row["then"]["servers"]) == ("needed", n, n - 1)
    for part in ("now", "then"):
        q = queue(2, row[part]["servers"], 180, 20, 90)
        assert row[part]["within"] == pytest.approx(float(q.within))
        assert row[part]["wait_seconds"] == pytest.approx(float(q.wait_s))
        assert row[part]["abandoned"] == pytest.approx(float(q.abandoned))
    assert [r["day"] for r in told(reader, change="10:00 +1")["what_if"]] == ["mon", "tue", "wed", "thu", "fri"]
    assert told(reader, change="sun 10:00 +1")["what_if"] == []


def test_too_few_counters_for_the_work_are_called_so_and_have_no_numbers(tmp_path):
    (row,) = told(journal(tmp_path, regular(6)), change="mon 10:00 -9")["what_if"]
    assert (row["then"]["servers"], row["then"]["state"]) == (0, "overload")
    assert (row["then"]["within"], row["then"]["wait_seconds"]) == (None, None)


@pytest.mark.parametrize("text", ["mon 10:15 +1", "monday 10:00 +1", "10:00", "mon 25:00 +1", "", "mon 10:00 1"])
def test_a_what_if_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="what-if: expected a half-hour and a change"):
        what_if(text)


def test_a_what_if_may_name_the_day_in_thai():
    assert what_if("พฤ. 10.30 +2") == what_if("thu 10:30 +2")


def test_three_weeks_are_too_few_and_no_number_is_made_of_them(tmp_path, gecc):
    data = told(journal(tmp_path, regular(3)))
    (unit,) = data["units"]
    assert data["state"] == "insufficient_data"
    assert {s["state"] for s in unit["slots"]} == {"insufficient_data"}
    assert {s["needed"] for s in unit["slots"]} == {s["load"] for s in unit["slots"]} == {None}
    assert (unit["forecast"]["method"], unit["forecast"]["half_hours"]) == ("none", [])
    code, out, _ = gecc("staffing", "--data", tmp_path, "--site", "bkk", "--what-if", "mon 10:00 +1")
    assert code == 0
    assert out.lower().count("insufficient data") >= 3
    assert "10:00  " not in out


def test_one_call_no_call_and_calls_without_an_end_or_without_length_give_no_number(tmp_path):
    lonely = list(calls(MONDAY, "10:00", 1))
    open_calls = [e for e in regular(6) if e.type == "call.entered"]
    untold = regular(6, talk_s=None)
    timeless = regular(6, talk_s=0)
    for name, events in (("one", lonely), ("open", open_calls), ("untold", untold), ("timeless", timeless)):
        data = told(journal(tmp_path / name, events), change="mon 10:00 +1")
        assert data["units"][0]["handle_seconds"] in (None, 0)
        assert {s["needed"] for s in data["units"][0]["slots"]} <= {None, 0}
        assert slot(data["units"][0])["needed"] is None
        assert data["what_if"][0]["now"] is None
    assert told(journal(tmp_path / "none", []))["units"] == []


def test_a_centre_without_hours_is_always_open_and_that_is_said(tmp_path, gecc):
    data = told(journal(tmp_path, regular(6), '[[sites]]\nid = "bkk"\n'), Site(id="bkk"))
    assert not data["hours_declared"]
    (unit,) = data["units"]
    assert len(unit["slots"]) == 5 * 48
    assert unit["silent_days"] == 10, "of the weekends nobody told anything: that is not the same as nobody coming"
    assert slot(unit, "fri", "03:00")["needed"] == 0
    out = gecc("staffing", "--data", tmp_path, "--site", "bkk")[1]
    assert "declares no hours" in out
    assert "10:00 " in out
    assert "03:00 " not in out, "rows in which nobody ever comes are left out"


def test_holidays_and_the_current_day_are_no_service_days(tmp_path):
    days = workdays(9)  # with 14 October, which stands in for a Sunday
    reader = journal(tmp_path, [e for day in days for e in calls(day, "10:00", 20)])
    (unit,) = told(reader)["units"]
    assert slot(unit)["days"] == 8
    (unit,) = told(reader, now_us=us(date(2024, 9, 23), "10:10"))["units"]
    assert (slot(unit)["days"], unit["to"]) == (5, "2024-09-21T00:00:00+07:00"), "data behind the clock is not taken"


def test_the_target_is_the_one_that_the_centre_declares(tmp_path):
    reader = journal(tmp_path, [*regular(6), *(e for d in workdays(6) for e in tickets(d, "09:00", 20))])
    changed = Change(since=date(2024, 9, 1), targets={"service_level_rate": 0.95}, service_level_s=10)
    site = Site(
        id="bkk", hours=HOURS, services=OFFICE.services, changes=(changed,), targets={"service_level_rate": 0.9}
    )
    by_kind = {unit["kind"]: unit["goal"] for unit in told(reader, site)["units"]}
    assert by_kind["calls"] == {"within_seconds": 10, "share": 0.95}
    assert by_kind["tickets"] == {"within_seconds": 900, "share": 0.9}
    early = Site(id="bkk", hours=HOURS, targets={"service_level_rate": 0.7})
    units = {unit["kind"]: unit for unit in told(reader, early)["units"]}
    assert units["calls"]["goal"] == {"within_seconds": 20, "share": 0.7}
    assert units["tickets"]["goal"] is None
    assert slot(units["tickets"], clock="09:00")["state"] == "no_target"


def test_counters_are_planned_for_each_service_and_for_all_together(tmp_path):
    events = [
        e for day in workdays(6) for e in (*tickets(day, "09:00", 20), *tickets(day, "09:05", 10, "tax", minutes=10))
    ]
    opened = [
        Event("bkk", "kiosk", f"{day}{n}{what}", f"counter.{what}", us(day, clock), "", "", f"counter-{n}")
        for day in workdays(6)
        for n in range(3)
        for what, clock in (("opened", "08:30"), ("closed", "16:30"))
    ]
    site = Site(
        id="bkk", hours=HOURS, services=(*OFFICE.services, Service(id="tax", target_minutes=30)),
    )  # fmt: skip
    units = {unit["unit"]: unit for unit in told(journal(tmp_path, events + opened), site)["units"]}
    assert list(units) == [None, "idcard", "tax"]
    assert [units[name]["goal"]["within_seconds"] for name in units] == [900, 900, 1800]
    hall = slot(units[None], clock="09:00")
    assert (hall["n"], hall["arrivals"], hall["handle_seconds"]) == (180, 30, pytest.approx(400))
    assert hall["needed"] == needed(30 * 400 / 1800, 400, Goal(900, 0.9))[0]
    assert hall["present"] == 3
    assert hall["met"]["state"] == "overload"
    assert slot(units["tax"], clock="09:00")["present"] is None, "which counter serves what is not told"


def test_the_forecast_of_what_is_always_the_same_is_the_same_and_is_the_naive_one(tmp_path):
    (unit,) = told(journal(tmp_path, regular(6)), weeks=2)["units"]
    f = unit["forecast"]
    assert (f["method"], f["weeks_of_data"], f["back_test"]["origins"]) == ("naive", 6, 2)
    assert f["back_test"]["naive"]["mae"] == f["back_test"]["level"]["mae"] == 0
    assert [(d["date"], d["arrivals"], d["most_needed"], d["at"]) for d in f["days"]] == [
        (f"{day}", 20, 4, "10:00") for day in (MONDAY + timedelta(42 + n) for n in range(14) if n % 7 < 5)
    ]
    ten = next(h for h in f["half_hours"] if h["from"] == "2024-09-30T10:00:00+07:00")
    assert (ten["arrivals"], ten["low"], ten["high"], ten["needed"]) == (20, 20, 20, 4)


def test_a_holiday_to_come_has_no_forecast(tmp_path):
    (unit,) = told(journal(tmp_path, regular(6)), weeks=3)["units"]
    assert "2024-10-14" not in [d["date"] for d in unit["forecast"]["days"]]


def test_one_unit_may_be_asked_for_and_an_unknown_one_is_refused(tmp_path, gecc):
    events = [*regular(6), *(e for d in workdays(6) for e in calls(d, "11:00", 5, unit="tax"))]
    reader = journal(tmp_path, events)
    assert [u["unit"] for u in told(reader)["units"]] == ["hotline", "tax"]
    assert [u["unit"] for u in told(reader, unit="tax")["units"]] == ["tax"]
    assert told(reader, unit="idcard")["units"] == [], "a declared service nobody has come to"
    code, _, err = gecc("staffing", "--data", tmp_path, "--site", "bkk", "--unit", "nothing")
    assert (code, err) == (2, "gecc: unit: expected one of hotline, tax, got 'nothing'\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--weeks", "0"), "gecc: weeks: expected 1 to 26, got 0"),
        (("--weeks", "99"), "gecc: weeks: expected 1 to 26, got 99"),
        (("--what-if", "more"), 'gecc: what-if: expected a half-hour and a change such as "mon 10:00 +1"'),
        (("--site", "elsewhere"), "gecc: --site: no site 'elsewhere' in"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_words(tmp_path, gecc, arguments, says):
    journal(tmp_path, list(calls(MONDAY, "10:00", 1)))
    code, out, err = gecc("staffing", "--data", tmp_path, "--site", "bkk", *arguments)
    assert (code, out) == (2, "")
    assert says in err


def test_both_languages_say_the_same_with_the_same_blanks():
    thai, english = words("th", "staffing"), words("en", "staffing")
    assert set(thai) == set(english)

    def blanks(text):
        return sorted(set(re.findall(r"\{(\w+)\}", text)))

    assert [key for key in thai if blanks(thai[key]) != blanks(english[key])] == []
    assert [key for lang in LANGUAGES for key, text in words(lang, "staffing").items() if not text.strip()] == []
    assert len(thai["days"].split("|")) == 7
    here = Path(staffing_view.__file__)
    used = "".join(file.read_text("utf-8") for file in (here, here.parent / "commands" / "staffing.py"))
    prefixes = ("goal_", "handle", "patience", "base_", "method_")
    assert [key for key in thai if f'"{key}"' not in used and not key.startswith(prefixes)] == []


# The simulator's weeks.


@pytest.fixture(scope="module")
def weeks(tmp_path_factory):
    """Six weeks of a simulated centre, and what the simulator counted."""
    folder = tmp_path_factory.mktemp("weeks")
    to, truth, mean_s = Journal(folder), dict.fromkeys(("calls_offered", "tickets_issued", "calls_abandoned"), 0), []
    to.ensure(["bkk", *(s.id for s in SERVICES)])
    devices = {f"kiosk-{n}": DeviceRow("kiosk", "", "", 5) for n in (1, 2)}
    devices |= {f"counter-{n}": DeviceRow("counter", "", str(n), 5) for n in (1, 2, 3)}
    devices |= {f"button-{n}": DeviceRow("button", "", str(n), 5) for n in (1, 2, 3)}
    sites = {"bkk": SiteRow(devices, frozenset(s.id for s in SERVICES))}
    for day in workdays(6):
        said = simulate_day(
            site="bkk", day=day, timezone="Asia/Bangkok", seed=8, counters=3, visitors=90, calls=150
        )  # fmt: skip
        messages = [said.message(a) for a in said.actions if a.device and a.kind != "status"]
        kiosks = KioskJson(sites=sites).feed(
            [Message(m.topic, m.payload, m.retain) for m in messages], said.actions[-1].time_us
        )
        lines = [said.log_line(a).rstrip("\n").encode() for a in said.actions if not a.device]
        log = QueueLog(site="bkk", source="bkk/pbx").feed(lines, 0)
        assert not kiosks.rejected
        assert not log.rejected
        events = [*kiosks.events, *(e._replace(person="") for e in log.events)]
        to.commit([Unit("mqtt", Decoded(events), 0)])
        mean_s.append(said.truth["call_talk_s"] / said.truth["calls_answered"])
        for name in truth:
            truth[name] += said.truth[name]
    to.close()
    declared = "\n".join(f'[[sites.services]]\nid = "{s.id}"\ntarget_minutes = {s.target_min:g}' for s in SERVICES)
    (folder / "gecc.toml").write_text(f"{TOML}{declared}\n")
    return folder, truth, float(np.mean(mean_s))


def test_of_the_simulators_weeks_everything_is_known(weeks, gecc):
    folder, truth, talk_s = weeks
    code, out, err = gecc("staffing", "--data", folder, "--site", "bkk", "--json", "--what-if", "10:00 +1")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert [u["unit"] for u in data["units"]][:2] == ["hotline", None]
    phone, hall = data["units"][:2]
    assert (phone["n"], hall["n"]) == (truth["calls_offered"], truth["tickets_issued"])
    assert phone["patience_n"] == truth["calls_abandoned"]
    assert phone["handle_seconds"] == pytest.approx(talk_s, rel=0.05)
    assert slot(phone, clock="09:00")["present"] == pytest.approx(4, abs=0.1)
    assert slot(hall, clock="09:00")["present"] == pytest.approx(3, abs=0.1)
    assert {s["state"] for s in phone["slots"]} == {"ok"}
    for unit in (phone, hall):
        test = unit["forecast"]["back_test"]
        assert (unit["forecast"]["method"], test["origins"]) == ("level", 2)
        assert test["level"]["mae"] < test["naive"]["mae"]
    rows = [row for row in data["what_if"] if row["unit"] == "hotline"]
    assert all(row["then"]["within"] > row["now"]["within"] for row in rows)
    assert all(row["then"]["wait_seconds"] < row["now"]["wait_seconds"] for row in rows)


def test_the_table_says_what_the_json_says_in_both_languages(weeks, gecc):
    folder, _, _ = weeks
    data = json.loads(gecc("staffing", "--data", folder, "--site", "bkk", "--json")[1])
    phone = data["units"][0]
    english = gecc("staffing", "--data", folder, "--site", "bkk", "--unit", "hotline", "--what-if", "mon 10:00 +1")[1]
    thai = gecc("staffing", "--data", folder, "--site", "bkk", "--unit", "hotline", "--lang", "th")[1]
    for text in (english, thai):
        for clock in ("08:30", "10:00", "12:30", "16:00"):
            row = next(line.split() for line in text.splitlines() if line.startswith(f"  {clock} "))
            of_days = [slot(phone, day, clock) for day in ("mon", "tue", "wed", "thu", "fri")]
            assert row[1:] == [
                *(x for s in of_days for x in (str(s["needed"]), f"({s['present']:.1f})")), "–", "–"
            ]  # fmt: skip
        assert f"n={phone['handle_n']:,}" in text
        assert f"{phone['forecast']['back_test']['naive']['mae']:.2f}" in text
    assert "19 Aug 2024 to 27 Sep 2024: 30 service days" in english
    assert "Mon 10:00 hotline, agents: with 3:" in english
    assert "The forecast is better than the naive one and is shown" in english
    assert "19 ส.ค. 2567 ถึง 27 ก.ย. 2567: วันให้บริการ 30 วัน" in thai
    assert "ร้อยละ 80" in thai
    assert "Method" in english
    assert "วิธีคำนวณ" in thai
