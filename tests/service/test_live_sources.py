"""PBXs of every make and way in the running service: its figures are theirs, whatever happens to the connections."""

from __future__ import annotations

import gzip
import json
import re
import signal
import stat
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kpis.results import GROUPS
from telemetry.__main__ import main
from telemetry.journal_reader import JournalReader
from telemetry.simulate import Day
from telemetry.simulate.makes import Attempt, Call, Written
from tests.collectors.tcp_tools import Asterisk, Panasonic, Pbx
from tests.servers import free_port
from tests.service.harness import Gecc, Lives, fetch, journal_events, tally, wait_until, write_config
from tests.service.pbx_tools import Playing, bytes_of, calling, calls_of, log_of, records, spooled, todays_calls

PASSWORD = "Ceci-n-est-pas-1234"


def a_site(id_: str, zone: str, *sources: str) -> str:
    return "\n".join([f'[[sites]]\nid = "{id_}"\ntimezone = "{zone}"', *sources, ""])


def a_source(id_: str, format_: str, **settings: object) -> str:
    said = "\n".join(f"{name} = {json.dumps(str(value))}" for name, value in settings.items())
    return f'[[sites.sources]]\nid = "{id_}"\nformat = "{format_}"\n{said}'


@contextmanager
def unready(config: Path) -> Iterator[Gecc]:
    """The service, though it cannot say that all is well."""
    service = Gecc(config)
    try:
        yield service.start(ready=False)
    finally:
        service.__exit__()


def by_site(page: dict[str, float], name: str) -> Counter[str]:
    """A counter of /metrics, summed over all units of each site."""
    out: Counter[str] = Counter()
    for series, value in page.items():
        if found := re.fullmatch(name + r'\{site="([^"]+)".*\}', series):
            out[found[1]] += int(value)
    return out


# Every way at once -------------------------------------------------------------------------------------------------


@dataclass
class Connected:
    day: Day
    service: Gecc
    pbx: Playing
    threecx: int

    def row(self, site: str) -> dict:
        (row,) = self.service.json("/v1/sources", site=site)
        return row


SITES = ("avaya", "panasonic", "threecx", "cucm", "freeswitch", "ami")


@pytest.fixture(scope="module")
def connected(tmp_path_factory):
    """Six centres, each with a PBX of another make that came another way, on one and the same day."""
    folder = tmp_path_factory.mktemp("connected")
    day, zone = todays_calls(60)
    calls = calls_of(day)
    for name in ("cucm", "freeswitch"):
        (folder / name).mkdir()
    (folder / "password").write_text(PASSWORD + "\n")
    with (
        Playing(Pbx) as avaya,
        Playing(lambda: Panasonic(PASSWORD.encode(), b"*******\r\n", telnet=True)) as panasonic,
        Playing(lambda: Asterisk(PASSWORD)) as ami,
    ):
        threecx = free_port()
        secret = folder / "password"
        config = write_config(
            folder,
            a_site("avaya", zone, a_source("pbx", "avaya_smdr", connect=f"127.0.0.1:{avaya.port}"))
            + a_site("panasonic", zone, a_source("pbx", "panasonic_smdr", connect=f"127.0.0.1:{panasonic.port}",
                                                 password_file=secret))
            + a_site("threecx", zone, a_source("pbx", "threecx_cdr", listen=f"127.0.0.1:{threecx}", timezone=zone))
            + a_site("cucm", zone, a_source("pbx", "cucm_cdr", folder="cucm"))
            + a_site("freeswitch", zone, a_source("pbx", "freeswitch_json_cdr", folder="freeswitch"))
            + a_site("ami", zone, a_source("pbx", "asterisk_ami", ami=f"127.0.0.1:{ami.port}", username="gecc",
                                           password_file=secret)),
        )  # fmt: skip
        with Gecc(config) as service:
            it = Connected(day, service, avaya, threecx)
            assert it.row("threecx")["state"] == "unknown", "we listen, and nobody has come yet"
            assert it.row("avaya")["state"] == "online"
            with calling(threecx) as say:
                for playing, format_ in ((avaya, "avaya_smdr"), (panasonic, "panasonic_smdr"), (ami, "asterisk_ami")):
                    written = records(format_, calls, zone)[4 * (format_ == "asterisk_ami") :]  # its banner is said
                    playing.say(b"".join(w.data for w in written))
                for record in records("threecx_cdr", calls, zone):
                    say(record.data)
                drop(folder, calls, zone)
                wait_until(lambda: answered(service) == dict.fromkeys(SITES, day.truth["calls_answered"]), "figures")
                wait_until(lambda: it.row("threecx")["state"] == "silent", "somebody is there, whose calls are old")
                time.sleep(1.2)  # the wall is made once a second
                yield it


def drop(folder, calls, zone: str) -> None:
    """Files as a billing server and a switch leave them: some packed, and one that is being copied still."""
    head, types, *rest = (w.data for w in records("cucm_cdr", calls, zone))
    for n, at in enumerate(range(0, len(rest), 25)):
        whole = head + types + b"".join(rest[at : at + 25])
        path = folder / "cucm" / f"cdr_{n:02}"
        path.with_suffix(".gz" if n % 2 else ".csv").write_bytes(gzip.compress(whole) if n % 2 else whole)
    (folder / "cucm" / "cdr_99.part").write_bytes(head + types + rest[0])
    for n, document in enumerate(records("freeswitch_json_cdr", calls, zone)):
        name = folder / "freeswitch" / f"{n}.cdr.json"
        if n % 3:
            name.write_bytes(document.data)
        else:
            name.with_suffix(".json.gz").write_bytes(gzip.compress(document.data))


def answered(service: Gecc) -> dict[str, float]:
    return {site: service.figures(site=site)["calls_answered"]["value"] for site in SITES}


def test_offered_and_answered_are_what_the_simulator_did_by_every_way(connected):
    truth = connected.day.truth
    got = {site: connected.service.figures(site=site) for site in SITES}
    want = dict.fromkeys(SITES, (truth["calls_offered"], truth["calls_answered"]))
    assert {s: (f["calls_offered"]["value"], f["calls_answered"]["value"]) for s, f in got.items()} == want


def test_wallboard_and_metrics_say_what_the_api_says(connected):
    page = connected.service.metrics()
    for name in ("calls_offered", "calls_answered"):
        assert by_site(page, f"gecc_{name}_total") == dict.fromkeys(SITES, connected.day.truth[name])
    for site in SITES:
        board, figures = connected.service.json("/v1/board", site=site), connected.service.figures(site=site)
        assert sum(h["calls_offered"] for h in board["hours"]) == connected.day.truth["calls_offered"]
        assert board["now"]["calls_waiting"] == 0
        shown = {row["kpi"]: row["value"] for row in board["today"] if row["unit_kind"] != "histogram"}
        assert shown == {kpi: figures[kpi]["value"] for kpi in shown}


def test_every_source_is_told_of_with_its_state(connected):
    service = connected.service
    assert json.loads(fetch(f"{service.url}/readyz")) == {"problems": [], "not_connected": {}}
    health = service.json("/healthz")["sources"]
    assert {name: (row["connected"], row["problem"], row["rejected"]) for name, row in health.items()} == {
        f"{site}/pbx": (True, "", {}) for site in SITES
    }
    assert all(row["received"] > 50 for row in health.values())
    formats = {site: connected.row(site)["format"] for site in SITES}
    assert formats == {"avaya": "avaya_smdr", "panasonic": "panasonic_smdr", "threecx": "threecx_cdr",
                       "cucm": "cucm_cdr", "freeswitch": "freeswitch_json_cdr", "ami": "asterisk_ami"}  # fmt: skip
    for site in SITES:
        assert connected.row(site)["received"] == health[f"{site}/pbx"]["received"]
        (row,) = service.json("/v1/board", site=site)["sources"]
        assert (row["id"], row["kind"], row["state"]) == ("pbx", "log", "silent")  # its last call is of the afternoon


def test_no_number_of_a_caller_and_no_password_is_left_on_the_disk(connected):
    service, data = connected.service, connected.service.data
    numbers = {c.number.encode() for c in calls_of(connected.day) if c.number}
    assert len(numbers) > 40
    wait_until(lambda: spooled(data) == b"", "the spools hold what is committed")
    said = bytes_of(data) | {"log": service.log_file.read_bytes(), "metrics": fetch(f"{service.url}/metrics").encode()}
    said |= {path: json.dumps(service.json(path)).encode() for path in ("/healthz", "/readyz", "/v1/sources")}
    assert {"journal.db", "journal.db-wal", "keys.json"} <= said.keys()
    for name, block in said.items():
        assert not [n for n in numbers if n in block or b"66" + n[1:] in block], name
        assert PASSWORD.encode() not in block, name
    assert stat.S_IMODE((data / "keys.json").stat().st_mode) == 0o600
    spools = [*data.glob("spool/*/*/")]
    assert {path.parent.name for path in spools} == {"avaya", "panasonic", "threecx", "ami"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in spools} == {0o700}


# What is happening now ---------------------------------------------------------------------------------------------


def asterisk(tmp_path, *more: str, password: str = PASSWORD, zone: str = "Asia/Bangkok", port: int = 0) -> str:
    """A centre with an Asterisk that we log in to."""
    (tmp_path / "password").write_text(password)
    ami = a_source("ami", "asterisk_ami", ami=f"127.0.0.1:{port}", username="gecc", password_file=tmp_path / "password")
    return a_site("lab", zone, ami, *more)


def test_a_caller_in_the_queue_is_on_the_board_before_the_call_ends(tmp_path, tell):
    now_us = int(time.time()) * 1_000_000
    agent = Attempt("Malee", "201", now_us + 2_000_000, now_us + 6_000_000, answered=True)
    call = Call(f"{now_us // 1_000_000}.7", "0812345678", "021112222", "hotline", 1, now_us, (agent,), "answered",
                now_us + 60_000_000, now_us + 6_000_000, "caller")  # fmt: skip
    lines = records("asterisk_ami", [call], "UTC")[4:]
    with Playing(lambda: Asterisk(PASSWORD)) as pbx:  # noqa: SIM117  whose port stands in the settings
        with Gecc(write_config(tmp_path, asterisk(tmp_path, port=pbx.port))) as service:

            def waiting() -> int | None:
                return service.json("/v1/board", site="lab")["now"]["calls_waiting"]

            assert waiting() is None, "nothing has been heard yet: it is not known"
            pbx.say(b"".join(w.data for w in lines if w.time_us <= call.arrival_us))
            began = time.monotonic()
            wait_until(lambda: waiting() == 1, "the caller is not seen")
            tell(f"a caller in the queue is on the board after {time.monotonic() - began:.1f} s")
            assert service.figures(site="lab")["calls_answered"]["value"] == 0
            (unit,) = service.json("/v1/board", site="lab")["units"]
            assert (unit["unit"], unit["longest_call_wait_since_ms"]) == ("hotline", now_us // 1000)
            pbx.say(b"".join(w.data for w in lines if call.arrival_us < w.time_us <= call.answer_us))
            wait_until(lambda: waiting() == 0, "the caller is answered")
            assert service.figures(site="lab")["calls_answered"]["value"] == 1


# Killed and cut off ------------------------------------------------------------------------------------------------


def calls_in(data) -> Counter[str]:
    """How many events say that a call was offered, by call."""
    return Counter(e.contact for e in journal_events(data) if e.type == "call.entered")


def told(calls: list[Call], zone: str) -> list[tuple[Call, Written]]:
    """Each call and the record of it, in the order in which they end."""
    calls = sorted(calls, key=lambda c: c.end_us)
    return [*zip(calls, records("threecx_cdr", calls, zone), strict=True)]


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_killed_while_a_pbx_sends_what_was_received_is_counted_once(tmp_path, point, tell):
    day, zone = todays_calls(20)
    lines = {f"{call.serial}": line.data for call, line in told(calls_of(day), zone)}
    received: list[str] = []
    with Playing(Pbx) as pbx:
        source = a_source("pbx", "threecx_cdr", connect=f"127.0.0.1:{pbx.port}", timezone=zone)
        config = write_config(tmp_path, a_site("lab", zone, source))
        data = tmp_path / "data"
        with Lives(config, crash=f"{point}:0.4") as lives:
            lives.launch()
            for contact, line in lines.items():
                at = pbx.say(line)

                def taken(contact: str = contact, line: bytes = line) -> bool:
                    return line in spooled(data) or contact in calls_in(data)

                # What was on its way when the connection broke has nobody received: the PBX does not send it again.
                wait_until(lambda at=at, taken=taken: taken() or pbx.pbx.connections > at, "neither came nor broke")
                received.extend([contact] if taken() else [])
                wait_until(lambda: set(received) <= calls_in(data).keys() or not lives.is_alive(), "not counted")
            lives.stop()
            kills = lives.ended().count(-signal.SIGKILL)
        gaps = [gap for gap in JournalReader(data).gaps() if gap[1] == "silence"]
        tell(f"{point}: {kills} kills, {len(received)} of {len(lines)} records received by TCP, {len(gaps)} silences, "
             f"{tally(data, 'duplicates')} came again")  # fmt: skip
        assert kills >= 2
        assert len(received) > len(lines) // 2
        assert calls_in(data) == Counter(received)
        assert tally(data, "duplicates") == 0, "a cursor is committed with its lines"
        assert gaps, "the time without connection is known as such"
        assert all(from_us <= to_us and "the service did not run" in detail for _, _, from_us, to_us, detail in gaps)
        with Gecc(config) as service:
            assert service.figures(site="lab")["calls_offered"]["value"] == len(received)


def test_without_its_spool_a_killed_service_loses_what_it_had_received(tmp_path):
    day, zone = todays_calls(20)
    lines = [w.data for w in records("threecx_cdr", calls_of(day), zone)]
    found = {}
    for control in (False, True):
        folder = tmp_path / str(control)
        with Playing(Pbx) as pbx:
            source = a_source("pbx", "threecx_cdr", connect=f"127.0.0.1:{pbx.port}", timezone=zone)
            config = write_config(folder, a_site("lab", zone, source))
            with Gecc(config, {"GECC_CRASHPOINT": "before_commit:1"}) as service:
                pbx.say(b"".join(lines))
                wait_until(lambda: not service.is_alive(), "it dies at its first commit")
        assert lines[-1] in spooled(folder / "data")
        files = [*folder.glob("data/spool/*/*/*.spool")]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert not calls_in(folder / "data")
        if control:
            for path in files:
                path.unlink()
        with unready(config) as service:  # the PBX is gone for good: only the disk has it
            time.sleep(1)
            wait_until(lambda: control or len(calls_in(service.data)) == len(lines), "not found again")  # noqa: B023
            found[control] = len(calls_in(service.data))
    assert found == {False: len(lines), True: 0}


def test_the_hole_in_a_live_stream_is_filled_by_the_log_and_no_call_counts_twice(tmp_path):
    day, zone = todays_calls(60)
    calls, log = sorted(calls_of(day), key=lambda c: c.arrival_us), log_of(day)
    live = records("asterisk_ami", calls, zone)[4:]
    span = live[-1].time_us - live[0].time_us
    first, last = (live[0].time_us + share * span // 10 for share in (4, 7))
    (tmp_path / "queue_log").touch()
    (tmp_path / "other_log").touch()
    followed, alone = (a_source("log", "asterisk_queue_log", tail=name) for name in ("queue_log", "other_log"))
    with Playing(lambda: Asterisk(PASSWORD)) as pbx:
        sites = asterisk(tmp_path, followed, zone=zone, port=pbx.port) + a_site("alone", zone, alone)
        with Gecc(write_config(tmp_path, sites)) as service:

            def of(source: str) -> set[str]:
                return {e.contact for e in journal_events(service.data) if e.source == source and e.contact}

            pbx.say(b"".join(w.data for w in live if w.time_us < first))
            wait_until(lambda: of("lab/ami"), "nothing is heard")
            pbx.hang_up()
            pbx.say(b"".join(w.data for w in live if w.time_us >= last))  # to the next connection
            wait_until(lambda: {calls[-1].id, calls[0].id} <= of("lab/ami"), "nothing after the hole is heard")
            lost = {c.id for c in calls if first < c.arrival_us and c.end_us < last}
            assert len(lost) > 5
            assert not lost & of("lab/ami")
            before = service.figures(site="lab")["calls_offered"]["value"]
            assert 0 < before <= len(calls) - len(lost)
            wait_until(
                lambda: [g for g in JournalReader(service.data).gaps() if g[:2] == ("lab/ami", "silence")], "gap"
            )
            for name in ("queue_log", "other_log"):
                (tmp_path / name).write_bytes(log)
            wait_until(lambda: calls[-1].id in of("lab/log") & of("alone/log"), "the log is not taken")
            wait_until(lambda: service.figures(site="alone")["calls_offered"]["value"] == len(calls), "not whole")
            both, one = (
                {kpi: (row["value"], row["n"]) for kpi, row in service.figures(site=site).items()}
                for site in ("lab", "alone")
            )
            assert len(of("lab/ami") & of("lab/log")) > 20, "many calls are told of twice"
            besides = {k.name for k in GROUPS["presence"]} | {
                "calls_hold_known",
                "calls_held_rate",
                "hold_seconds_mean",
            }
            assert {k: v for k, v in both.items() if k not in besides} == {
                k: v for k, v in one.items() if k not in besides
            }
            assert one["calls_answered"][0] == day.truth["calls_answered"]
            time.sleep(1.2)
            page = service.metrics()
            assert by_site(page, "gecc_calls_offered_total") == {"lab": len(calls), "alone": len(calls)}


def test_a_message_that_was_cut_off_leaves_no_number_on_the_disk(tmp_path):
    number, now_s = "0899999999", int(time.time())
    said = {"Event": "Newchannel", "Uniqueid": f"{now_s}.1", "Linkedid": f"{now_s}.1", "CallerIDNum": number}
    begun = "".join(f"{k}: {v}\r\n" for k, v in said.items()).encode()
    with Playing(lambda: Asterisk(PASSWORD)) as pbx:
        config = write_config(tmp_path, asterisk(tmp_path, port=pbx.port))
        with Gecc(config) as service:
            pbx.say(begun)
            wait_until(lambda: begun in spooled(service.data), "not received")
            pbx.hang_up()
            again = begun.replace(b".1\r\n", b".2\r\n")
            pbx.say(again)  # and once more before the service is killed
            wait_until(lambda: again in spooled(service.data), "not received again")
            service.kill()
            service.start()
            wait_until(lambda: not spooled(service.data), "it stays in the spool")
            left = [name for name, block in bytes_of(service.data).items() if number.encode() in block]
            assert left == []
            assert service.stop() == 0
        (tmp_path / "data/spool/lab/smdr").mkdir()
        (tmp_path / "data/spool/lab/smdr/00000000000000000001.spool").write_bytes(begun)
        with Gecc(config) as service:
            assert "spool/lab/smdr: holds records of a source that is not read so any more" in service.log


def test_a_wrong_password_is_said_where_one_looks_and_nowhere_else(tmp_path):
    with Playing(lambda: Asterisk("another")) as ami, Playing(lambda: Panasonic(b"another", b"*****\r\n")) as panasonic:
        smdr = a_source("smdr", "panasonic_smdr", connect=f"127.0.0.1:{panasonic.port}",
                        password_file=tmp_path / "password")  # fmt: skip
        config = write_config(tmp_path, asterisk(tmp_path, smdr, port=ami.port))
        with unready(config) as service:

            def problems() -> dict[str, str]:
                return {name: row["problem"] for name, row in service.json("/healthz")["sources"].items()}

            wait_until(lambda: len(problems()) == 2 and all(problems().values()), "no problem is told")
            assert "refused gecc" in problems()["lab/ami"]
            assert problems()["lab/smdr"] == "the PBX refused the password"
            time.sleep(4)
            assert json.loads(fetch(f"{service.url}/readyz"))["not_connected"] == problems()
            rows = {row["id"]: row for row in service.json("/v1/sources", site="lab")}
            assert {name: row["state"] for name, row in rows.items()} == {"ami": "offline", "smdr": "offline"}
            said = bytes_of(service.data) | {"log": service.log.encode()}
            said |= {path: json.dumps(service.json(path)).encode() for path in ("/healthz", "/readyz", "/v1/sources")}
            assert [name for name, block in said.items() if PASSWORD.encode() in block] == []
            tried = len(ami.pbx.actions)
            assert 4 <= tried < 24, "it is tried again, less and less often"
            assert len([line for line in service.log.splitlines() if "not connected" in line]) == 2, service.log


# Settings that were wrong ------------------------------------------------------------------------------------------


def test_a_log_whose_format_was_set_wrongly_is_read_whole_when_the_settings_are_mended(tmp_path):
    day, zone = todays_calls(30)
    log = tmp_path / "log"
    log.write_bytes(b"".join(w.data for w in records("asterisk_cel", calls_of(day), zone)))

    def settings(format_: str, **more: object) -> Path:
        return write_config(tmp_path, a_site("lab", zone, a_source("pbx", format_, tail=log, timezone=zone, **more)))

    with Gecc(settings("threecx_cdr")) as service:
        wait_until(lambda: service.json("/v1/sources", site="lab")[0]["rejected"].get("wrong_format"), "nobody is told")
        (said,) = [row[2] for row in JournalReader(service.data).rejects(10_000) if row[1] == "wrong_format"]
        assert said.startswith("this is not threecx_cdr; it looks like Asterisk channel events")
        assert service.stop() == 0
    with Gecc(settings("asterisk_cel")) as service:
        wait_until(lambda: answered_at(service) == day.truth["calls_answered"], "not read from its beginning")
        assert "is read from its beginning" in service.log
        service.kill()
        service.start()
        assert "is read from its beginning" not in service.log
        assert answered_at(service) == day.truth["calls_answered"]
    with Gecc(settings("asterisk_cel", delimiter=";")) as service:  # another layout: its state is of no use
        assert "it goes on where it was" in service.log
        assert answered_at(service) == day.truth["calls_answered"]


def answered_at(service: Gecc) -> float:
    return service.figures(site="lab")["calls_answered"]["value"]


REFUSED = {
    "two sources of one name, and so of one spool": (
        "sources[1].id: expected a value of its own",
        a_source("pbx", "avaya_smdr", listen="127.0.0.1:4001"), a_source("pbx", "avaya_smdr", listen="127.0.0.1:4002"),
    ),
    "two that listen at one port": (
        "sources[1].listen: expected a value of its own",
        a_source("a", "avaya_smdr", listen="127.0.0.1:4001"), a_source("b", "avaya_smdr", listen="127.0.0.1:4001"),
    ),
    "documents by a stream of lines": (
        "sources[0].connect: freeswitch_json_cdr does not come this way",
        a_source("a", "freeswitch_json_cdr", connect="127.0.0.1:4001"),
    ),
    "a log by the manager interface": (
        "sources[0].ami: avaya_smdr does not come this way",
        a_source("a", "avaya_smdr", ami="127.0.0.1:5038"),
    ),
    "messages of devices by a file": (
        "sources[0].tail: kiosk_json does not come this way", a_source("a", "kiosk_json", tail="x.log"),
    ),
    "two ways at once": ("expected one of tail", a_source("a", "avaya_smdr", tail="x", listen="127.0.0.1:4001")),
    "no way at all": ("expected one of tail", a_source("a", "avaya_smdr")),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_settings_that_cannot_work_are_refused_before_anything_runs(tmp_path, capsys, what):
    problem, *sources = REFUSED[what]
    config = write_config(tmp_path, a_site("lab", "Asia/Bangkok", *sources))
    assert main(["config", "check", str(config)]) != 0
    said = capsys.readouterr()
    assert problem in said.out + said.err


def test_two_sites_cannot_listen_at_one_port(tmp_path, capsys):
    sites = [a_site(name, "UTC", a_source("a", "avaya_smdr", listen="127.0.0.1:4001")) for name in ("a", "b")]
    assert main(["config", "check", str(write_config(tmp_path, "".join(sites)))]) != 0
    assert "sites[1].sources[0].listen: expected a value of its own" in capsys.readouterr().err
