"""Whom the centre calls: from the line of a log to the figure of call-backs, and never a number in between."""

from __future__ import annotations

import json

import pytest

from collectors.formats import FORMATS
from collectors.formats.options import Options
from collectors.formats.panasonic_layouts import called
from collectors.formats.reading import whom_called
from telemetry.privacy import Pseudonyms
from tests.formats.smdr_properties import RECEIVED_US
from tests.kpis.made import SITE, figures

LOST, OTHER, RESERVE = "0812345678", "0898765432", "0213334444"
"""A caller whom nobody answered and who is called back; somebody who is called and had not called; a number in between."""

CDR = '"","{src}","{dst}","internal","","{channel}","{dstchannel}","Dial","x","2026-11-21 09:{m}:00",{answer},"2026-11-21 09:{m}:30",30,{billed},"{how}","DOCUMENTATION","{epoch}.{m}",""'
UUID = "00000000-4c15-11ea-97a0-0000000000{}"


def asterisk_cdr(minute, src, dst):
    out = src == "201"
    answer = f'"2026-11-21 09:{minute}:10"' if out else ""
    return CDR.format(
        src=src, dst=dst, m=minute, answer=answer, billed=20 if out else 0, how="ANSWERED" if out else "NO ANSWER",
        channel="PJSIP/201-00000001" if out else "PJSIP/trunk-00000001",
        dstchannel="PJSIP/trunk-00000002" if out else "PJSIP/201-00000002", epoch=1795226400 + 60 * minute,
    )  # fmt: skip


def avaya_smdr(minute, src, dst):
    if src == "201":
        return (
            f"2026/11/21 09:{minute}:00,00:00:20,5,201,O,{dst},{dst},,0,{1000 + minute},0,E201,Boon,T9001,LINE 1.1,0,0"
        )
    return f"2026/11/21 09:{minute}:00,00:00:00,9,{src},I,{dst},{dst},,0,{1000 + minute},0,E201,Boon,T9001,LINE 1.1,0,0"


def panasonic_smdr(minute, src, dst):
    out = src == "201"
    dial = dst if out else f"<I>{src}"
    when = f"11/21/26 09:{minute}AM   201 03 {dial:<25} "
    return when + ("     00:00'20" if out else "0'09 00:00'00") + " " * 12 + ("" if out else "NA")


def freeswitch_csv_cdr(minute, src, dst):
    out = src == "201"
    answer = f"2026-11-21 09:{minute}:10" if out else ""
    cause, billed = ("NORMAL_CLEARING", 20) if out else ("NO_ANSWER", 0)
    cells = (
        "",
        src,
        dst,
        "default",
        f"2026-11-21 09:{minute}:00",
        answer,
        f"2026-11-21 09:{minute}:30",
        30,
        billed,
        cause,
    )
    return ",".join(f'"{cell}"' for cell in (*cells, UUID.format(minute), "", "", "", ""))


def threecx_cdr(minute, src, dst):
    start, end = f"2026-11-21 09:{minute}:00", f"2026-11-21 09:{minute}:30"
    if src == "201":
        cells = minute, "", "00:00:20", start, start, end, "TerminatedByDst", "Ext.201", dst, "201", "", dst, "", "", ""
        kinds = "Extension", "ExternalLine", "ExternalLine"
    else:
        cells = minute, "", "00:00:00", start, "", end, "TerminatedBySrc", src, dst, "", "800", dst, "", "", ""
        kinds = "ExternalLine", "Queue", "Queue"
    return ",".join(map(str, (*cells, "", "", "", "", "", *kinds, "", "", "", "")))


def cucm_cdr(minute, src, dst):
    begin = 1795226400 + 60 * minute
    connect, took = (begin + 10, 20) if src == "201" else (0, 0)
    return f"1,1,{minute},{begin},{connect},{begin + 30},{took},{src},{dst},{dst},SEP1,1,2,16,0"


CUCM_HEADER = (
    "cdrRecordType,globalCallID_callManagerId,globalCallID_callId,dateTimeOrigination,dateTimeConnect,dateTimeDisconnect,"
    "duration,callingPartyNumber,originalCalledPartyNumber,finalCalledPartyNumber,destDeviceName,origLegCallIdentifier,"
    "destLegIdentifier,origCause_value,destCause_value"
)


def generic_csv(minute, src, dst):
    return f"2026-11-21 09:{minute}:00,{'out' if src == '201' else 'in'},{src},{dst},{20 if src == '201' else 0}"


MAKES = {
    "asterisk_cdr": (asterisk_cdr, [], {}),
    "avaya_smdr": (avaya_smdr, [], {}),
    "panasonic_smdr": (panasonic_smdr, [], {"pattern": "A"}),
    "freeswitch_csv_cdr": (freeswitch_csv_cdr, [], {"pattern": "a"}),
    "threecx_cdr": (threecx_cdr, [], {}),
    "cucm_cdr": (cucm_cdr, [CUCM_HEADER], {}),
    "generic_csv": (
        generic_csv,
        [],
        {
            "fields": {
                "start": "1", "direction": "2", "direction.in": "in", "direction.out": "out", "caller": "3",
                "called": "4", "talk": "5",
            }
        },
    ),
}  # fmt: skip


def read(make, calls, **more):
    write, before, options = MAKES[make]
    lines = [line.encode() for line in [*before, *(write(*call) for call in calls)]]
    decoder = FORMATS[make].make(site=SITE.id, source="pbx", options=Options(**options, **more))
    got = decoder.feed(lines, RECEIVED_US)
    assert not got.rejected
    return got, decoder.dump()


@pytest.mark.parametrize("make", MAKES)
def test_a_call_to_the_number_of_a_lost_caller_is_a_call_back(make, tmp_path):
    calls = [(10, LOST, RESERVE), (20, "201", LOST), (30, "201", OTHER)]
    got, _ = read(make, calls)
    Pseudonyms(tmp_path / "keys.json", 1).protect(got)
    f = figures(got.events)
    assert (f.calls_outbound, f.calls_back, f.calls_outbound_number_unknown) == (2, 1, 0)
    assert (f.calls_offered, f.calls_lost) == (1, 1)


@pytest.mark.parametrize("make", MAKES)
def test_the_digits_that_get_a_line_are_no_part_of_the_number(make, tmp_path):
    got, _ = read(make, [(10, LOST, RESERVE), (20, "201", f"9{LOST}")], outside_prefix="9")
    Pseudonyms(tmp_path / "keys.json", 1).protect(got)
    assert figures(got.events).calls_back == 1


@pytest.mark.parametrize("make", MAKES)
def test_whom_the_centre_called_stands_in_no_event_that_is_kept_and_in_no_state(make, tmp_path):
    got, state = read(make, [(20, "201", LOST)])
    ids = [e.id for e in got.events]
    Pseudonyms(tmp_path / "keys.json", 1).protect(got)
    assert [e.type for e in got.events] == ["call.outbound"]
    assert not any(LOST in json.dumps(e) for e in got.events)
    assert LOST not in state
    assert ids == [e.id for e in read(make, [(20, "201", OTHER)])[0].events]  # nor do ids come of it


def test_extensions_and_short_numbers_are_nobody():
    options = Options(internal_digits=4, outside_prefix="9")
    assert [whom_called(n, options) for n in ("201", "1669", "9201", "")] == [""] * 4
    assert [whom_called(n, options) for n in ("90812345678", "0912345678", "+66812345678")] == [
        LOST,
        "0912345678",
        "+66812345678",
    ]


def test_of_what_a_panasonic_prints_only_the_number_counts_and_nothing_where_digits_are_hidden():
    assert [called(dial) for dial in ("0812345678", " 0812345678P123", "9=0812345678", "0812345678-", "+66812345678")] == [
        LOST, LOST, LOST, LOST, "+66812345678",
    ]  # fmt: skip
    assert [called(dial) for dial in ("..........", "081234XXXX", "", "EFA")] == [""] * 4


def test_voicemail_of_a_cisco_is_known_by_its_ports_and_by_the_settings():
    header, plain = CUCM_HEADER.encode(), cucm_cdr(10, LOST, "2000").replace(",SEP1,", ",CUC_Trunk,")
    taken = plain.replace("1795227000,0,", "1795227000,1795227020,")
    for line, device in ((taken, "CUC_Trunk"), (taken.replace("CUC_Trunk", "CiscoUM1-VI1"), "x")):
        decoder = FORMATS["cucm_cdr"].make(site=SITE.id, source="pbx", options=Options(fields={"voicemail": device}))
        events = decoder.feed([header, line.encode()], RECEIVED_US).events
        assert [e.type for e in events] == ["call.entered", "call.timed_out", "call.voicemail"]
        assert figures(events).calls_lost_to_voicemail == 1
