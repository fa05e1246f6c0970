"""What the devices of every convention promise together: which presses are votes, and what is known of a device."""

from __future__ import annotations

import json

import pytest

from collectors.base import Message
from collectors.devices import BUTTONS, CONVENTIONS, Devices
from collectors.formats import FORMATS
from collectors.formats.kiosk_json import DeviceRow, SiteRow
from collectors.formats.sparkplug_wire import Metric, Payload, write
from collectors.formats.tracks import LATE_US, WINDOW
from telemetry.events import Decoded
from tests.formats.mqtt_properties import properties

NOW_US = 1_795_230_000_000_000
S = 1_000_000
PRESSES = {"single": 5, "double": 1}
HEARTBEAT = {"specversion": "1.0", "source": "/s/k1", "type": "th.gecc.device.heartbeat"}
"""Of CloudEvents in binary mode."""


def button(convention: str, topic: str, presses=None, **more) -> DeviceRow:
    return DeviceRow("button", counter="1", convention=convention, topic=topic, presses=presses or PRESSES, **more)


def devices(**rows: DeviceRow) -> Devices:
    return Devices(sites={"s": SiteRow(rows)})


def told(got: Decoded) -> list[str]:
    """Types of events without their family; of dropped presses also why."""
    return [e.type.partition(".")[2] + ("" if e.type != "vote.dropped" else f" {e.c}") for e in got.events]


def press(topic: str = "z/b/action", payload: str = "single", *, dup: bool = False, retained: bool = False) -> Message:
    return Message(topic, payload.encode(), retained, b"", dup)


def ticket(seq: int, boot: str = "k", device: str = "k1", **more) -> Message:
    said = {"event": "issued", "ticket": f"A{seq}", "service": "x", "boot": boot, "seq": seq, **more}
    return Message(f"gecc/v1/s/{device}/ticket", json.dumps(said).encode())


def test_every_convention_is_a_format_of_messages():
    assert set(CONVENTIONS) - {"gecc"} <= {name for name, row in FORMATS.items() if row.records == "messages"}


@pytest.mark.parametrize(
    ("convention", "topic", "message", "presses"),
    [
        ("zigbee2mqtt", "z/b", press("z/b", '{"action":"single"}'), PRESSES),
        ("zigbee2mqtt", "z/b", press(), PRESSES),
        ("shelly", "x", press("x/events/rpc", '{"method":"NotifyEvent","params":{"events":[{"component":"input:0","event":"single"}]}}'), PRESSES),
        ("tasmota", "t", press("stat/t/RESULT", '{"Button1":{"Action":"SINGLE"}}'), PRESSES),
        ("homeassistant", "h", press("h", '{"event_type":"single"}'), PRESSES),
        ("esphome", "e", press("e/event/b/state", "single"), PRESSES),
    ],
)  # fmt: skip
def test_a_press_is_one_vote_however_often_it_is_delivered_within_the_bounce(convention, topic, message, presses):
    it = devices(b=button(convention, topic, presses))
    assert told(it.feed([message], NOW_US)) == ["cast"]
    assert told(it.feed([message, message], NOW_US + 200_000)) == ["dropped 1"] * 2
    assert told(it.feed([message], NOW_US + S)) == ["cast"]
    assert it.facts(["s/b"])["s/b"].dropped == (2, 0, 0)
    ids = [e.id for e in it.feed([message, message], NOW_US + 9 * S).events]
    assert len(set(ids)) == 2, "what is dropped is stored too"


def test_a_press_that_bounced_is_counted_once_though_two_topics_tell_it():
    d = devices(b=button("zigbee2mqtt", "z/b"))
    both = [press("z/b", '{"action":"single"}'), press()]
    assert told(d.feed(both, NOW_US)) == ["cast"]
    assert told(d.feed(both, NOW_US + 300_000)) == ["dropped 1"]
    assert told(d.feed(both, NOW_US + 600_000)) == ["dropped 1"]
    assert d.facts(["s/b"])["s/b"].dropped == (2, 0, 0)


def test_a_press_told_again_after_the_connection_was_lost_is_no_new_one():
    it = devices(b=button("zigbee2mqtt", "z/b"))
    it.load("")
    assert told(it.feed([press()], NOW_US)) == ["cast"]
    kept = it.dump()
    for again in (it, devices(b=button("zigbee2mqtt", "z/b"))):  # in the same process, and in the next
        again.load(kept)
        got = again.feed([press(dup=True)], NOW_US + 60 * S)
        assert (told(got), got.ignored) == ([], 1)
        assert told(again.feed([press(dup=True)], NOW_US + 90 * S)) == ["cast"], "one delivery answers for one press"


def test_a_press_that_never_reached_us_counts_though_the_broker_sends_it_again():
    it = devices(b=button("zigbee2mqtt", "z/b"))
    it.load("")
    assert told(it.feed([press()], NOW_US)) == ["cast"]
    for n in range(1, 4):
        it.feed([press("z/b", '{"battery":9}')], NOW_US + n * S)  # the press was acknowledged long before
    it.load(it.dump())
    assert told(it.feed([press(dup=True)], NOW_US + 60 * S)) == ["cast"]


def test_counted_presses_that_waited_at_the_broker_all_count():
    it = devices(b=button("shelly", "sh", {"S": 5}))
    it.load("")
    waited = [press("sh/input_event/0", f'{{"event":"S","event_cnt":{n}}}') for n in (4, 5, 6, 5, 6)]
    assert told(it.feed(waited, NOW_US)) == ["cast", "cast", "cast", "dropped 3", "dropped 3"]


def test_presses_with_a_time_of_their_own_are_compared_by_it():
    it = devices(b=button("zigbee2mqtt", "z/b"))
    waited = [
        press("z/b", json.dumps({"action": "single", "last_seen": NOW_US // 1000 - ago_ms}))
        for ago_ms in (60_000, 59_900, 30_000)
    ]
    got = it.feed(waited, NOW_US)
    assert told(got) == ["cast", "dropped 1", "cast"]
    assert [NOW_US - e.time_us for e in got.events if e.type == "vote.cast"] == [60 * S, 30 * S]


def test_one_remote_may_vote_for_two_counters():
    it = devices(
        left=DeviceRow("button", counter="1", convention="zigbee2mqtt", topic="z/b", presses={"1_single": 5}),
        right=DeviceRow("button", counter="2", convention="zigbee2mqtt", topic="z/b", presses={"2_single": 5}),
    )
    got = it.feed([press(payload="1_single"), press(payload="2_single"), press(payload="3_single")], NOW_US)
    assert [(e.source, e.party) for e in got.events] == [("s/left", "1"), ("s/right", "2")]
    assert got.ignored == 1


def test_a_device_that_speaks_our_profile_and_one_of_another_convention_share_a_batch():
    it = devices(k1=DeviceRow(), b=button("zigbee2mqtt", "z/b"))
    got = it.feed([ticket(1), press(), Message("elsewhere", b"x"), ticket(2)], NOW_US)
    assert told(got) == ["issued", "issued", "cast"]
    assert [r.reason for r in got.rejected] == ["bad_topic"]
    facts = it.facts(["s/k1", "s/b"])
    assert (facts["s/k1"].received, facts["s/b"].received) == (2, 1)


def test_topics_of_every_convention_are_asked_for():
    rows = {name: button(name, f"{name}/x/y") for name in BUTTONS}
    topics = devices(**{name.replace("_", "-"): row for name, row in rows.items()}).other_topics
    assert {"zigbee2mqtt/x/y/action", "zigbee2mqtt/bridge/state", "shelly/x/y/events/rpc"} <= set(topics)
    assert {"stat/tasmota/x/y/+", "esphome/x/y/status", "spBv1.0/sparkplug_b/+/x/#"} <= set(topics)
    assert devices(k1=DeviceRow()).other_topics == []


def test_one_state_is_made_of_whatever_tells_it():
    it = devices(b=button("zigbee2mqtt", "z/b"))
    it.feed([press("z/b/availability", "online")], NOW_US)
    assert it.state("s/b") == ("online", NOW_US)
    it.feed([press("z/bridge/state", "offline")], NOW_US + S)
    assert it.state("s/b") == ("offline", NOW_US + S)
    again = devices(b=button("zigbee2mqtt", "z/b"))
    again.load(it.dump())
    assert again.state("s/b") == ("offline", NOW_US + S)


# --- numbers that are missing ---


def numbered(it: Devices, numbers, boot: str = "k", start_us: int = NOW_US) -> list:
    """The gaps that come of these numbers, one message a second."""
    gaps = []
    for n, seq in enumerate(numbers):
        gaps += it.feed([ticket(seq, boot)], start_us + n * S).gaps
    return gaps


def missing(it: Devices) -> int | None:
    return it.facts(["s/k1"])["s/k1"].sequence_missing


def test_missing_numbers_are_a_gap_once_nothing_can_fill_it():
    it = devices(k1=DeviceRow())
    assert numbered(it, range(10)) == []
    (gap,) = numbered(it, [12, *range(13, 13 + WINDOW)], start_us=NOW_US + 10 * S)
    assert (gap.site, gap.source, gap.kind, gap.detail) == ("s", "s/k1", "sequence", "2 of k: 10-11")
    assert (gap.from_us, gap.to_us) == (NOW_US + 9 * S, NOW_US + 10 * S)
    assert missing(it) == 2


def test_late_numbers_and_numbers_that_come_twice_leave_no_gap():
    it = devices(k1=DeviceRow())
    assert numbered(it, [1, 2, 3, 4, 8, 5, 7, 6, 6, 3, 9, *range(8, 12 + WINDOW), *range(30, 60)]) == []
    assert missing(it) == 0


def test_what_is_not_filled_is_a_gap_after_a_quarter_of_an_hour_too():
    it = devices(k1=DeviceRow())
    numbered(it, [1, 2, 3, 4, 7, 6])
    assert [g.detail for g in numbered(it, [8], start_us=NOW_US + LATE_US + 60 * S)] == ["1 of k: 5"]


def test_a_new_start_begins_anew_and_settles_the_old():
    it = devices(k1=DeviceRow())
    assert [g.detail for g in [*numbered(it, [1, 2, 3, 4, 6]), *numbered(it, [900], boot="k2")]] == ["1 of k: 5"]


def test_a_device_whose_numbers_do_not_go_up_by_one_is_not_judged():
    it = devices(k1=DeviceRow())
    assert numbered(it, range(0, 60_000, 100)) == []
    assert missing(it) == 0


def test_gaps_are_found_over_a_restart_and_none_is_invented():
    it = devices(k1=DeviceRow())
    it.load("")
    numbered(it, range(6))
    kept = it.dump()
    it.feed([ticket(6), ticket(7)], NOW_US + 5 * S + 1000)
    assert it.dump() == "", "within a second of the last time nothing is written for numbers alone"
    stored = [("k:0000000006", NOW_US), ("k:0000000007", NOW_US)]
    asked = []
    again = devices(k1=DeviceRow())
    again.catch_up(lambda *what: asked.append(what) or stored)
    again.load(kept)
    assert asked == [("s/k1", "k:0000000006", "k:~")]
    (gap,) = numbered(again, [9, *range(10, 10 + WINDOW)], start_us=NOW_US + 60 * S)
    assert gap.detail == "1 of k: 8"


@pytest.mark.parametrize(
    "second",
    [
        ticket(0, device="k2"),
        ticket(0, boot="k9"),
        ticket(2, id="of-its-own"),
        Message("c", b"", False, properties({"user_properties": {**HEARTBEAT, "id": "n7", "sequence": "000007"}})),
    ],
    ids=["another device", "a new start", "an id of its own", "a sequence"],
)
def test_a_number_that_could_not_be_looked_up_later_is_kept_at_once(second):
    cloud = DeviceRow("kiosk", convention="cloudevents_mqtt", topic="c")
    it, again = (devices(k1=DeviceRow(), k2=DeviceRow(), k3=cloud) for _ in range(2))

    def numberings(of: Devices) -> dict[str, int | None]:
        return {name: fact.sequence_missing for name, fact in of.facts(["s/k1", "s/k2", "s/k3"]).items()}

    it.load("")
    it.feed([ticket(0), ticket(1)], NOW_US)
    assert it.dump()
    it.feed([second], NOW_US + 1000)
    again.load(it.dump())
    assert numberings(again) == numberings(it)


def test_an_id_that_says_boot_and_number_can_be_looked_up():
    it = devices(k1=DeviceRow())
    it.load("")
    it.feed([ticket(0), ticket(1)], NOW_US)
    assert it.dump()
    it.feed([ticket(2, id="k:2")], NOW_US + 1000)
    assert it.dump() == ""


def test_the_sequence_of_cloudevents_is_held_to_as_well():
    it = devices(k1=DeviceRow("kiosk", convention="cloudevents_mqtt", topic="c"))
    gaps = []
    for n in [1, 2, 3, 4, 5, 7, *range(8, 8 + WINDOW)]:
        row = {"user_properties": {**HEARTBEAT, "id": f"n{n}", "sequence": f"{n:06d}"}}
        gaps += it.feed([Message("c", b"", False, properties(row))], NOW_US + n * S).gaps
    assert [g.detail for g in gaps] == ["1 of sequence of : 6"]


def test_numbers_of_shelly_and_of_a_sparkplug_node_are_held_to_as_well():
    it = devices(b=button("shelly", "sh", {"S": 5}), n=button("sparkplug_b", "g/edge", {"Push": 5}), k1=DeviceRow())
    for n in [1, 2, 3, 4, 5, 9]:
        it.feed([press("sh/input_event/0", f'{{"event":"S","event_cnt":{n}}}')], NOW_US + n * S)
    it.feed([Message("spBv1.0/g/NBIRTH/edge", write(Payload(0, 0, [Metric("Push", value=False)])))], NOW_US)
    for n in [*range(1, 256), 0, 1, 4, 3]:
        it.feed([Message("spBv1.0/g/NDATA/edge", write(Payload(0, n)))], NOW_US + 20 * S)
    got = it.feed(
        [press("sh/online", "true"), Message("spBv1.0/g/NDATA/edge", write(Payload(0, 5)))], NOW_US + 2 * LATE_US
    )
    assert sorted((g.source, g.detail.partition(" of ")[0]) for g in got.gaps) == [("s/b", "3"), ("s/n", "1")]


# --- clocks ---


def stamped(ago_ms: int, seq: int) -> Message:
    return ticket(seq, time_ms=NOW_US // 1000 - ago_ms)


def test_a_clock_is_judged_by_the_promptest_of_its_newest_messages():
    it = devices(k1=DeviceRow())
    for n in range(4):
        it.feed([stamped(3_000, n)], NOW_US)
    assert it.facts(["s/k1"])["s/k1"].clock_offset_us is None, "too few to judge it"
    it.feed([stamped(900_000, 4)], NOW_US)
    assert it.facts(["s/k1"])["s/k1"].clock_offset_us == 3 * S
    assert it.facts(["s/k1"])["s/k1"].clock_flagged


def test_messages_that_waited_do_not_make_a_clock_slow_nor_one_from_the_future_fast():
    it = devices(k1=DeviceRow())
    for n in range(30):
        it.feed([stamped(600_000, n)], NOW_US)
    it.feed([stamped(-200_000, 30)], NOW_US)
    for n in range(31, 36):
        it.feed([stamped(200, n)], NOW_US)
    assert it.facts(["s/k1"])["s/k1"].clock_offset_us == 200_000


def test_messages_that_waited_together_count_as_one_for_the_clock():
    it = devices(k1=DeviceRow())
    it.feed([stamped(600_000 - n, n) for n in range(500)], NOW_US)
    for n in range(6):
        it.feed([stamped(100, 500 + n)], NOW_US)
    facts = it.facts(["s/k1"])["s/k1"]
    assert (facts.clock_offset_us, facts.clock_flagged) == (100_000, False)


def test_a_device_without_a_clock_has_no_offset():
    it = devices(k1=DeviceRow())
    for n in range(20):
        it.feed([ticket(n)], NOW_US + n * S)
    assert it.facts(["s/k1"])["s/k1"].clock_offset_us is None


def test_state_written_before_there_were_conventions_is_taken_up():
    it = devices(k1=DeviceRow())
    it.load('{"s/k1":["online",5]}')
    assert it.state("s/k1") == ("online", 5)
