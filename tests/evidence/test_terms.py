"""What is in force holds by day, as the days were sealed: for figures, hours, targets and verdicts, in the pack and for its
checker alike."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date

import pytest

from kpis.model import Teller
from kpis.results import KPIS
from telemetry.archive.signing import Signer
from telemetry.events import Event
from telemetry.evidence import terms
from telemetry.evidence.counted import count
from telemetry.evidence.kpi_rows import kpi_row
from telemetry.evidence.quality_of import quality_of
from telemetry.evidence.sealed import sealed
from telemetry.evidence.terms import TermsError, terms_of
from telemetry.settings import Change, Service, Site
from telemetry.verdicts import targets_in
from tests.archive.conftest import DAY_US, Room, at
from tests.evidence.conftest import CENTRE, call, made, resigned, said, some_days

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)
LOST = "abandoned_call_rate"


@pytest.fixture
def sealed_as(tmp_path):
    """Seals days one after another, each as another site declares it."""
    rooms = []

    def make(sites, days=(2, 3, 4, 5, 6), fill=some_days, gaps=()):
        room = Room(tmp_path / f"data{len(rooms)}")
        rooms.append(room)
        fill(room, days)
        for day, site in zip(days, sites, strict=True):
            room.seal(at(day + 4), sites=(site,), gaps=gaps)
        return room

    yield make
    for room in rooms:
        room.journal.close()


@pytest.fixture
def room(tmp_path):
    made_ = Room(tmp_path / "data")
    yield made_
    made_.journal.close()


def judged(one, name):
    return json.loads(one.files["manifest.json"])["summary"][name]


def changing(**new):
    """Two days as the centre was, three as it is afterwards."""
    return [CENTRE] * 2 + [replace(CENTRE, **new)] * 3


CHANGES = {
    "nothing": {},
    "the ring": {"ring_cycle_s": 2.0},
    "what counts as ringing": {"ring_clock": "queue"},
    "the service level": {"service_level_s": 7.0},
    "the window of first contact": {"fcr_window_s": 90_000.0},
    "the declared wait": {"services": (Service(id="idcard", target_minutes=3),)},
    "the pause between votes": {"vote_pause_s": 600.0},
    "the hours": {"hours": {"mon-fri": "09:02-10:03"}},
    "the hours of single days": {"other_hours": {"2026-03-05": "", "2026-03-06": "08:00-10:02"}},
    "that there are hours at all": {"hours": {}},
    "the targets": {"targets": {LOST: 0.9, "calls_offered": 3.0}},
    "how much is enough": {"min_n": 40, "min_coverage": 0.5},
    "what is declared anew": {
        "changes": (
            Change(since=date(2026, 3, 1), why="earlier", targets={LOST: 0.3}, target_minutes={"idcard": 4.0}),
            Change(since=date(2026, 3, 5), why="later", targets={LOST: 0.4}, service_level_s=7.5, reply_minutes={"line": 2.0}),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_between_seals_the_checker_finds_the_same(sealed_as, tmp_path, what):
    for sites in (changing(**CHANGES[what]), changing(**CHANGES[what])[::-1]):
        one = made(sealed_as(sites), tmp_path, FIRST, LAST)
        ok, line = said(one.files)
        assert ok, line


def summed(room, spans):
    """Counted figures of some periods, added up."""
    found = [count(sealed(room.store, "lab", *span)).summary() for span in spans]
    return {
        name: [sum(one[name]["counted"][i] for one in found) for i in (1, 2)]
        for name in found[0]
        if found[0][name]["counted"][1] is not None
    }


@pytest.mark.parametrize("what", [name for name, new in CHANGES.items() if "changes" not in new])
def test_a_contact_is_counted_by_the_rules_of_its_day(sealed_as, what):
    """Three days judged by themselves are the three days of five on which the same is in force."""
    before, after = CENTRE, replace(CENTRE, **CHANGES[what])
    both, old, new = (sealed_as(sites) for sites in ([before] * 2 + [after] * 3, [before] * 5, [after] * 5))
    late = date(2026, 3, 4)
    expected = summed(old, [(FIRST, date(2026, 3, 3))]), summed(new, [(late, LAST)])
    got = summed(both, [(FIRST, LAST)])
    if (
        what == "that there are hours at all"
    ):  # whether a call of the holiday before was offered matters for the next day's
        del got["first_attempt_lost_rate"]
    assert got == {name: [a + b for a, b in zip(expected[0][name], expected[1][name], strict=True)] for name in got}


def test_something_does_change(sealed_as):
    for what, name in (
        ("the ring", "answered_within_3_rings_rate"),
        ("the hours", "calls_offered"),
        ("that there are hours at all", "calls_offered"),
        ("the declared wait", "ticket_wait_within_target_rate"),
        ("the service level", "service_level_rate"),
    ):
        fill = some_days if what != "that there are hours at all" else with_a_call_at_night
        got = [
            summed(sealed_as(sites, fill=fill), [(FIRST, LAST)])[name]
            for sites in (changing(), changing(**CHANGES[what]))
        ]
        assert got[0] != got[1], what


def with_a_call_at_night(room, days):
    some_days(room, days)
    room.take([e._replace(time_us=e.time_us + DAY_US // 2, id=f"{e.id}-n", contact="night") for e in call(days[-1], 1)])


def test_targets_are_those_in_force_by_day(sealed_as, tmp_path):
    sites = [
        CENTRE,
        replace(CENTRE, targets={LOST: 0.2}),
        replace(
            CENTRE, targets={LOST: 0.2}, changes=(Change(since=date(2026, 3, 1), why="too late", targets={LOST: 0.3}),)
        ),
        replace(CENTRE, changes=(Change(since=date(2026, 3, 5), why="order 5", targets={LOST: 0.4}),)),
        CENTRE,
    ]
    one = made(sealed_as(sites), tmp_path, FIRST, LAST)
    assert judged(one, LOST)["targets"] == [
        [0.05, None, ""], [0.2, "2026-03-03", ""], [0.3, "2026-03-04", "too late"], [0.4, "2026-03-05", "order 5"], [0.05, "2026-03-06", ""],
    ]  # fmt: skip
    assert said(one.files)[0]
    row = kpi_row(next(r for r in one.counted.rows("total", "en") if r["kpi"] == LOST), "en")
    assert [t.value for t in row.targets] == [0.05, 0.2, 0.3, 0.4, 0.05]
    days = [r for r in one.counted.rows("day", "en") if r["kpi"] == LOST]
    assert [r["target"] for r in days] == [0.05, 0.2, 0.3, 0.4, 0.05]
    assert one.found.terms.changed(FIRST, LAST) == [date(2026, 3, d) for d in (3, 4, 5, 6)]


def test_a_figure_is_judged_by_what_holds_on_its_last_day(sealed_as, tmp_path):
    lenient = replace(CENTRE, targets={LOST: 0.9})
    for sites, verdict in (([CENTRE] * 4 + [lenient], "met"), ([lenient] * 4 + [CENTRE], "not_met")):
        one = made(sealed_as(sites), tmp_path, FIRST, LAST)
        assert (judged(one, LOST)["verdict"], said(one.files)[0]) == (verdict, True)
    strict = replace(CENTRE, min_n=1000)
    for sites, verdict in (([CENTRE] * 4 + [strict], "insufficient_data"), ([strict] * 4 + [CENTRE], "not_met")):
        one = made(sealed_as(sites), tmp_path, FIRST, LAST)
        assert (judged(one, LOST)["verdict"], said(one.files)[0]) == (verdict, True)


def test_what_is_declared_after_a_seal_changes_nothing_of_its_day(sealed_as, tmp_path):
    room = sealed_as([CENTRE] * 5)
    plain = made(room, tmp_path, FIRST, LAST)
    room.take(call(4, 90, answered=False), at(12))
    room.seal(at(13), sites=(replace(CENTRE, ring_cycle_s=9.0, targets={LOST: 0.9}),))
    late = made(room, tmp_path, FIRST, LAST)
    assert "2026-03-04.1" in {one.folder.name for one in late.found.inside}
    assert judged(late, "calls_offered")["counted"][0] == judged(plain, "calls_offered")["counted"][0] + 1
    assert judged(late, LOST)["targets"] == [[0.05, None, ""]]
    rings = [judged(one, "answered_within_3_rings_rate")["counted"] for one in (plain, late)]
    assert rings[0] == rings[1]
    assert said(late.files)[0]


NOT_RULES = {
    "id", "name_th", "name_en", "province", "organisation", "sources", "devices", "test_numbers",
    "hours", "lunch", "holidays", "closed", "open", "other_hours",  # sealed as what they meant on the day
    "targets", "min_n", "min_coverage", "changes",  # what figures are judged by; changes go into the rules of each day
}  # fmt: skip


def test_every_setting_of_a_centre_is_a_rule_or_known_to_be_none():
    assert set(terms._rules_on(CENTRE, FIRST)) - {"target_minutes", "service_minutes", "reply_minutes"} | NOT_RULES == {
        f.name for f in fields(Site)
    }


def test_days_on_which_something_else_holds_are_said_beside_the_data(sealed_as):
    found = sealed(sealed_as(changing(ring_cycle_s=2.0)).store, "lab", FIRST, LAST)
    assert any("2026-03-04" in note for note in quality_of(found, "en").notes)
    assert any("2026-03-04" in note for note in quality_of(found, "th").notes)


# -- the settings that a checkpoint commits to are those that are counted by


SETTINGS = {
    "a longer ring": lambda s: s.update(ring_cycle_s=60),
    "an easier target": lambda s: s["targets"].update({LOST: 0.9}),
    "fewer are enough": lambda s: s.update(min_n=1, min_coverage=0.01),
    "a longer wait declared": lambda s: s["services"][0].update(target_minutes=600),
    "hours that leave calls out": lambda s: s["in_force"]["hours"].update(service=[]),
    "no hours": lambda s: s["in_force"].update(hours=None),
    "another time zone": lambda s: s["in_force"]["zone"][0].__setitem__(1, -36_000_000_000),
    "another telephone system": lambda s: s["in_force"]["systems"].update({"lab/pbx": ["x", 2, True]}),
}


@pytest.mark.parametrize("what", SETTINGS)
@pytest.mark.parametrize("day", ["2026-03-02", "2026-03-04"])
def test_other_settings_than_those_sealed_are_refused_even_under_the_true_key(packed, what, day):
    name = f"04_sealed/{day}/settings.json"
    settings = json.loads(packed.files[name])
    SETTINGS[what](settings)
    files = {**packed.files, name: json.dumps(settings).encode()}
    ok, line = said(resigned(files, json.loads(packed.files["manifest.json"]), Signer(packed.room.store.folder)))
    assert not ok
    assert f"{name}: was changed" in line


def test_the_manifest_holds_no_setting_that_is_counted_by(packed):
    assert not json.loads(packed.files["manifest.json"]).keys() & {
        "zone",
        "hours",
        "systems",
        "targets",
        "min_n",
        "settings",
    }


def test_days_of_another_time_zone_or_of_seals_without_hours_are_not_counted_together():
    plain = {"id": "lab", "timezone": "Asia/Bangkok", "in_force": {}}
    with pytest.raises(TermsError, match=r"2026-03-03: another time zone"):
        terms_of([(FIRST, plain), (date(2026, 3, 3), {**plain, "timezone": "Europe/Berlin"})])
    with pytest.raises(TermsError, match=r"no part of a seal"):
        terms_of([(FIRST, {"id": "lab"})])


# -- logs of one telephone system


def test_logs_of_one_system_are_sealed_with_the_day_and_counted_once(room, tmp_path):
    room.journal.set_tellers(
        {"lab/pbx": ("lab/asterisk/", 1, True), "lab/cdr": ("lab/asterisk/", 2, True), "other/pbx": ("o", 1, True)}
    )
    some_days(room)
    for n in range(6):
        room.take([e._replace(source="lab/cdr", id=f"{e.id}-cdr") for e in call(4, n, answered=n % 4 != 3)])
    room.seal(at(10), sites=(CENTRE,))
    (room.data / "journal.db").rename(room.data / "elsewhere.db")
    one = made(room, tmp_path, FIRST, LAST)
    sealed_ = json.loads(one.files["04_sealed/2026-03-03/settings.json"])["in_force"]["systems"]
    assert sealed_ == {"lab/cdr": ["lab/asterisk/", 2, True], "lab/pbx": ["lab/asterisk/", 1, True]}
    assert one.found.terms.tellers() == {"lab/cdr": Teller(0, 2, followed=True), "lab/pbx": Teller(0, 1, followed=True)}
    assert judged(one, "calls_offered")["counted"] == [24, 24, 24]
    assert said(one.files)[0]


# -- coverage


def off(day, hour, source="lab/pbx"):
    return [Event("lab", source, f"off-{day}-{hour}", "device.offline", at(day, hour))]


def test_coverage_is_found_from_records_and_ledgers(room, tmp_path):
    some_days(room)
    room.take(off(4, 13))
    room.seal(at(9), sites=(replace(CENTRE, min_coverage=0.9),), gaps=[
        {"kind": "downtime", "source": "lab/pbx", "from_us": at(2, 9), "to_us": at(2, 12), "detail": ""},
        {"kind": "downtime", "source": "lab/kiosk", "from_us": at(2, 9), "to_us": at(2, 9.5), "detail": ""},
        {"kind": "late", "source": "lab/pbx", "n": 3, "detail": ""},
    ])  # fmt: skip
    one = made(room, tmp_path, FIRST, date(2026, 3, 4))
    # Two days of service, a holiday between them; the telephone is away for three hours, and from one o'clock to the end
    assert judged(one, LOST)["coverage"] == (16 - 3 - 3.5) / 16
    assert judged(one, LOST)["verdict"] == "insufficient_data"
    assert judged(one, "satisfaction_rate")["coverage"] == (16 - 0.5) / 16
    assert judged(one, "satisfaction_rate")["verdict"] != "insufficient_data"
    assert said(one.files)[0], said(one.files)[1]


def test_a_source_that_is_silent_since_long_ago_is_still_expected_and_proved(room, tmp_path):
    some_days(room, days=(2, 3))
    room.take(
        [e._replace(source="lab/button") for e in [Event("lab", "", "v", "vote.cast", at(2), "idcard", a=4, b=5)]]
    )
    for day in (10, 11):
        events = [e for n in range(6) for e in call(day, n)]
        room.take([e._replace(time_us=e.time_us + 30 * DAY_US, id=f"{e.id}-x") for e in events])
    room.seal(at(20) + 30 * DAY_US, sites=(CENTRE,))
    one = made(room, tmp_path, date(2026, 4, 9), date(2026, 4, 10))
    manifest = json.loads(one.files["manifest.json"])
    sources = {json.loads(text)["source"] for _, _, text, _ in manifest["told"]}
    assert sources == {"lab/button", "lab/kiosk", "lab/crm"}
    assert judged(one, "satisfaction_rate")["coverage"] == 0
    assert judged(one, "calls_offered")["coverage"] == 1
    assert said(one.files)[0], said(one.files)[1]
    ok, line = said(resigned(one.files, {**manifest, "told": []}, Signer(room.store.folder)))
    assert not ok
    assert "coverage: the pack says 0" in line


def test_targets_by_day_are_those_of_one_site_where_nothing_changes(packed):
    for kpi in KPIS.values():
        expected = targets_in(kpi, packed.found.site, *packed.counted.quarters)
        assert packed.found.terms.targets(kpi, *packed.counted.quarters) == expected
