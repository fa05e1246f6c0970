"""What the queue_log decoder promises beyond its folder of cases."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats import queue_log_rows
from collectors.formats.asterisk_queue_log import MAX_LINE, SECONDS_KEPT, QueueLog
from telemetry.events import EVENT_TYPES, MAX_NAME, MISSING, REJECT_REASONS, Decoded, slots

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
LINES = (LAB / "queue_log").read_bytes().split(b"\n")[:-1]
CASES = Path(__file__).parent / "asterisk_queue_log"
RING = b"1767240000|1767239999.1|q|%s|RINGNOANSWER|15000"


def read(lines, log=None):
    got = (log or QueueLog(site="nonthaburi", source="pbx")).feed(lines, 0)
    assert not got.rejected
    return got.events


def ids(events):
    return [event.id for event in events]


def test_a_day_in_small_gives_the_calls_that_happened():
    lines = (CASES / "a_day_in_small" / "input.queue_log").read_bytes().split(b"\n")[:-1]
    assert [(e.type, e.contact[-2:], e.party, slots(e)) for e in read(lines)] == [
        ("source.restarted", "", "", {}),
        ("call.did", ".1", "", {}),
        ("call.entered", ".1", "", {"position": 1}),
        ("call.ring_no_answer", ".1", "Anong", {"ring_ms": 15000}),
        ("call.connected", ".1", "Boon", {"wait_ms": 28000, "ring_ms": 8000}),
        ("call.transferred", ".1", "Boon", {"wait_ms": 28000, "talk_ms": 100000}),
        ("call.entered", ".1", "", {"position": 1}),
        ("call.connected", ".1", "Chai", {"wait_ms": 3000, "ring_ms": 3000}),
        ("call.completed", ".1", "Chai", {"wait_ms": 3000, "talk_ms": 60000, "ended_by_agent": 0}),
        ("call.entered", ".9", "", {"position": 1}),
        ("call.ring_cancelled", ".9", "Anong", {"ring_ms": 2870}),
        ("call.abandoned", ".9", "", {"wait_ms": 3000, "position": 1}),
        ("call.entered", ".4", "", {"position": 2}),
        ("call.timed_out", ".4", "", {"wait_ms": 60000, "position": 2}),
        ("agent.paused_all", "", "Anong", {}),
        ("agent.paused", "", "Anong", {}),
        ("source.reloaded", "", "", {}),
    ]


def test_every_event_of_the_table_stands_in_a_case():
    written = b"\n".join(path.read_bytes() for path in CASES.glob("*/input.queue_log"))
    assert [name for name in queue_log_rows.ROWS if b"|%s" % name not in written] == []


def test_a_real_log_counts_what_an_independent_reading_of_it_counts():
    total = json.loads((LAB / "expected.json").read_text())["total"]
    of = defaultdict(list)
    for event in read(LINES):
        of[event.type].append(event)
    first_wait = {}
    for event in of["call.connected"]:
        first_wait.setdefault(event.contact, event.a)
    ended = ("call.completed", "call.transferred")
    assert {
        "queue_entries": len(of["call.entered"]),
        "calls_offered": len({e.contact for e in of["call.entered"]}),
        "calls_answered": len(first_wait),
        "calls_timed_out": len({e.contact for e in of["call.timed_out"]}),
        "calls_left_by_key": len({e.contact for e in of["call.left_by_key"]}),
        "talk_seconds": sum(e.b for type_ in ended for e in of[type_]) / 1000,
        "asa_seconds": pytest.approx(sum(first_wait.values()) / 1000 / len(first_wait), abs=0.5),
    }.items() <= total.items()


def test_time_keeps_the_order_of_the_lines_inside_a_second():
    events = read(LINES)
    assert [e.time_us for e in events] == sorted({e.time_us for e in events})
    assert [e.time_us // 1_000_000 for e in events] == [int(line.split(b"|")[0]) for line in LINES]


def test_ids_sort_by_time_and_are_never_used_twice():
    names = ids(read(LINES))
    assert len(set(names)) == len(names)
    assert [name[:10] for name in names] == sorted(name[:10] for name in names)
    assert max(map(len, names)) <= MAX_NAME
    assert ids(read([b"946684800|NONE|NONE|NONE|QUEUESTART|"]))[0] < names[0]


def test_the_same_log_read_again_gives_the_same_ids():
    assert read(LINES) == read(LINES)


@given(st.lists(st.integers(0, len(LINES)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_a_restart_between_any_two_lines_changes_nothing(cuts):
    got = []
    state = ""
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(LINES)], strict=True):
        log = QueueLog(site="nonthaburi", source="pbx")
        log.load(state)
        got += read(LINES[begin:end], log)
        state = log.dump()
        assert len(state) < 2000
    assert got == read(LINES)


def test_lines_of_different_calls_may_change_places():
    calls = defaultdict(list)
    for line in LINES:
        calls[line.split(b"|")[1]].append(line)
    turns = [call for call, lines in calls.items() for _ in lines]
    random.Random(7).shuffle(turns)
    mixed = [calls[call].pop(0) for call in turns]
    said = {(e.id, e.type, e.contact, e.party, e.a, e.b) for e in read(LINES)}
    assert {(e.id, e.type, e.contact, e.party, e.a, e.b) for e in read(mixed)} == said


def test_an_agent_added_at_a_pause_is_told_by_a_number_however_many_lines_are_read_at_once():
    line = b"1767240000|MANAGER|q|Malee|ADDMEMBER"
    lines = [line + end for end in (b"|PAUSED", b"|", b"", b"|Held")]
    got = [(e.a, e.extra) for e in read(lines)]
    assert got == [(1, ""), (0, ""), (0, ""), (MISSING, '{"state":"Held"}')]
    assert [(e.a, e.extra) for e in read(lines * 40)] == got * 40


def test_two_equal_lines_in_one_second_are_two_events_also_across_a_restart():
    first = QueueLog(site="s", source="pbx")
    one = read([RING % b"Malee"], first)
    again = QueueLog(site="s", source="pbx")
    again.load(first.dump())
    two = read([RING % b"Malee"], again)
    assert [e.id[-2:] for e in (*one, *two)] == [".0", ".1"]


def test_an_id_does_not_tell_who_called_where_to_nor_who_served():
    def id_of(line):
        return ids(read([line]))

    entered = b"1767240000|1.1|q|NONE|ENTERQUEUE|http://crm/%s|%s|1|%s"
    assert id_of(entered % (b"", b"0812345678", b"")) == id_of(entered % (b"0891111111", b"0891111111", b"A_Name"))
    blind = b"1767240000|1.1|q|Malee|BLINDTRANSFER|%s|ctx|9|81|2"
    assert id_of(blind % b"700") == id_of(blind % b"0812345678")
    link = b"1767240000|1.1|q|Malee|ATTENDEDTRANSFER|LINK|%s|%s|9|81|2"
    assert id_of(link % (b"a", b"b")) == id_of(link % (b"Local/0812345678@out", b"c"))
    assert id_of(RING % b"Malee") == id_of(RING % b"Local/0812345678@agents")
    assert id_of(entered % (b"", b"1", b"")) != id_of(entered.replace(b"|1.1|", b"|1.2|") % (b"", b"1", b""))


def test_a_number_of_a_person_stands_in_person_and_nowhere_else():
    lines = b"\n".join(path.read_bytes() for path in CASES.glob("*/input.queue_log")).split(b"\n")
    for event in QueueLog(site="s", source="pbx").feed(lines, 0).events:
        assert "0812345678" not in repr(event._replace(person=""))


def test_more_seconds_than_are_kept_cost_no_more_memory():
    log = QueueLog(site="s", source="pbx")
    read([b"%d|1.1|q|M|RINGNOANSWER|1" % (1767240000 + s) for s in range(SECONDS_KEPT + 500)], log)
    assert len(log._seconds) == SECONDS_KEPT
    assert len(log.dump()) < 500


def test_many_lines_in_one_second_keep_the_state_small():
    log = QueueLog(site="s", source="pbx")
    events = read([b"1767240000|1.%d|q|M|RINGNOANSWER|1" % i for i in range(20_000)], log)
    assert events[-1].time_us == 1767240000_019_999
    assert len(log.dump()) < 10_000


def test_the_longest_line_is_read_and_a_longer_one_refused():
    line = b"1767240000|1.1|q|NONE|INFO|".ljust(MAX_LINE, b"x")
    got = QueueLog(site="s", source="pbx").feed([line, line + b"x"], 0)
    assert (got.ignored, [no.reason for no in got.rejected]) == (1, ["line_too_long"])


def test_a_reject_names_its_source_and_keeps_the_line():
    (no,) = QueueLog(site="s", source="pbx").feed([b"1767240000|1.1|q|M|CONNECT|soon|x|1"], 0).rejected
    assert (no.site, no.source, no.raw) == ("s", "pbx", b"1767240000|1.1|q|M|CONNECT|soon|x|1")
    assert "column 6" in no.detail
    assert "'soon'" in no.detail


def broken(line, at, junk):
    cells = line.split(b"|")
    cells[at % len(cells)] = junk
    return b"|".join(cells)


HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.builds(broken, st.sampled_from(LINES), st.integers(0, 12), st.binary(max_size=80)),
    st.builds(
        lambda event, data: b"1767240000|1.1|q|M|" + event + b"|" + data,
        st.sampled_from(sorted(queue_log_rows.ROWS)),
        st.binary(max_size=60),
    ),
)


@given(st.lists(HOSTILE, max_size=20))
@settings(max_examples=300, deadline=None)
def test_whatever_the_lines_hold_they_become_events_rejects_or_are_counted(lines):
    log = QueueLog(site="s", source="pbx")
    got = log.feed(lines, 0)
    assert isinstance(got, Decoded)
    assert len(got.events) + len(got.rejected) + got.ignored == len(lines)
    assert {no.reason for no in got.rejected} <= REJECT_REASONS.keys()
    for event in got.events:
        row = EVENT_TYPES[event.type]
        assert all(getattr(event, need) for need in row.needs)
        assert all(len(name.encode()) <= MAX_NAME for name in (event.unit, event.contact, event.party, event.id))
        assert all(v == MISSING or 0 <= v < 2**53 for v in (event.a, event.b, event.c))
        assert not event.extra or json.loads(event.extra)
    assert max(Counter(ids(got.events)).values(), default=1) == 1
    log.load(log.dump())


def test_a_file_that_begins_with_an_impossible_second_is_read_on():
    log = QueueLog(site="s", source="pbx")
    log.restart()
    got = log.feed([b"-1|1.1|q|NONE|ENTERQUEUE||0812345678|1", LINES[0]], 0)
    assert ([no.reason for no in got.rejected], len(got.events)) == (["malformed_line"], 1)


def test_no_log_at_all_has_an_empty_state():
    assert QueueLog(site="s", source="pbx").dump() == ""


WRITTEN = [line for case in sorted(CASES.glob("*/input.queue_log")) for line in case.read_bytes().split(b"\n")[:-1]]


@given(st.lists(st.sampled_from(LINES) | st.sampled_from(WRITTEN) | HOSTILE, min_size=64, max_size=90), st.randoms())
@settings(max_examples=300, deadline=None)
def test_many_lines_at_once_are_read_as_one_by_one(lines, random_):
    """The first is the way of imports, the second that of a log that grows."""
    random_.shuffle(lines)
    at_once, singly = QueueLog(site="s", source="pbx"), QueueLog(site="s", source="pbx")
    together, apart = at_once.feed(lines, 0), Decoded()
    for line in lines:
        one = singly.feed([line], 0)
        apart.events += one.events
        apart.rejected += one.rejected
        apart.ignored += one.ignored
    assert together == apart
    assert at_once.dump() == singly.dump()
