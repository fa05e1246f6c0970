"""What is sent by HTTP: kept before it is answered, counted once, told as figures, and of nobody but its own source."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.servers import need
from tests.service.harness import Gecc, Lives, journal_events, stored, tally, wait_until, write_config
from tests.service.test_disk import OnSmallDisk, is_full

TOKEN, OTHER, SIGNED, PBX = (f"gecc_{name:0<43}" for name in ("crm", "other", "signed", "pbx"))
KEY = "k" * 40
LINE_USER = "U4af4980629" + "0a" * 11


def centre(folder, more=""):
    """Two sites; the first has a CRM, one that must sign, and one of the second site has the same id as the first's."""
    (folder / "hmac.key").write_text(f"{KEY}\n")

    def source(name, token, format_="cloudevents_http", more=""):
        hashed = hashlib.sha256(token.encode()).hexdigest()
        return f"[[sites.sources]]\nid = '{name}'\nformat = '{format_}'\nhttp = true\ntoken_sha256 = ['{hashed}']\n{more}\n"

    return (
        "[[sites]]\nid = 'nonthaburi'\n[[sites.services]]\nid = 'idcard'\n"
        + source("crm", TOKEN)
        + source("erp", SIGNED, more="hmac_key_file = 'hmac.key'")
        + source("fs", PBX, "freeswitch_json_cdr")
        + more
        + "[[sites]]\nid = 'phuket'\n"
        + source("crm", OTHER)
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("http")
    with Gecc(write_config(folder, centre(folder))) as running:
        yield running


def post(url: str, body: bytes, kind: str = "application/cloudevents+json", token: str = TOKEN, **headers: str) -> Any:
    """Status and answer."""
    more = {k.replace("_", "-"): v for k, v in headers.items()}
    said = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {}) | more
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, said), timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def event(ident: str, type_: str = "ticket.issued", **more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": ident, "source": "crm", "type": f"th.gecc.{type_}", **more}


def ticket(ident: str, **more: Any) -> dict[str, Any]:
    return event(ident, subject=ident, data={"service": "idcard"}, **more)


def kept(service) -> dict[str, Any]:
    return {e.id: e for e in journal_events(service.data)}


def curl(service, command: str) -> tuple[int, Any]:
    """A command line as a reader would paste it, with his own address and token."""
    need("curl")
    words = shlex.split(command.replace("http://127.0.0.1:8080", service.url).replace("$TOKEN", TOKEN))
    out = subprocess.run([*words, "-sS", "-w", "\n%{http_code}"], capture_output=True, text=True, timeout=20)
    body, _, status = out.stdout.rpartition("\n")
    assert out.returncode == 0, out.stderr
    return int(status), json.loads(body)


def test_an_event_is_in_the_journal_when_it_is_answered_and_the_same_again_is_a_duplicate(service):
    body = json.dumps(ticket("A1")).encode()
    assert post(f"{service.url}/v1/events", body) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert kept(service)["A1"].source == "nonthaburi/crm"
    assert post(f"{service.url}/v1/events", body) == (200, {"accepted": 0, "duplicates": 1, "rejected": []})


def test_attributes_may_stand_in_headers(service):
    command = (
        "curl -X POST http://127.0.0.1:8080/v1/events -H 'Authorization: Bearer $TOKEN' -H 'Content-Type: application/json' "
        "-H 'ce-specversion: 1.0' -H 'ce-type: th.gecc.conversation.opened' -H 'ce-source: /helpdesk' "
        "-H 'ce-id: %E0%B8%811' -H 'ce-time: 2025-11-20T09:00:00+07:00' -H 'ce-subject: m-1' "
        """-d '{"channel":"email","person":"somchai@example.com"}'"""
    )
    assert curl(service, command) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    one = kept(service)["/helpdesk ก1"]
    assert (one.unit, one.contact, one.time_us) == ("email", "m-1", 1_763_604_000_000_000)


def test_of_a_batch_the_good_are_taken_and_the_bad_listed_and_kept(service):
    batch = [ticket("B1"), ticket("B2") | {"type": "th.gecc.ticket.eaten"}, 7, ticket("B4")]
    status, said = post(
        f"{service.url}/v1/events", json.dumps(batch).encode(), "application/cloudevents-batch+json; charset=utf-8"
    )
    assert (status, said["accepted"], said["duplicates"]) == (200, 2, 0)
    assert [(r["index"], r["reason"]) for r in said["rejected"]] == [(1, "unknown_type"), (2, "not_json")]
    assert {"B1", "B4"} <= kept(service).keys()
    assert tally(service.data, "rejected:unknown_type") >= 1


def test_one_event_that_cannot_be_read_is_400_and_kept(service):
    before = tally(service.data, "rejected:bad_time")
    status, said = post(f"{service.url}/v1/events", json.dumps(ticket("C1", time="2025-11-21 09:00")).encode())
    assert (status, said["rejected"][0]["reason"]) == (400, "bad_time")
    assert "$.time" in said["rejected"][0]["detail"]
    assert tally(service.data, "rejected:bad_time") == before + 1


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/v1/events", "", 401),
        ("/v1/events", "gecc_wrong", 401),
        ("/v1/events", TOKEN, 400),
        ("/v1/pbx/freeswitch", TOKEN, 403),
        ("/v1/pbx/freeswitch", "", 401),
    ],
)
def test_a_token_opens_its_own_door_only(service, path, token, status):
    assert post(service.url + path, b"{}", token=token)[0] == status


def test_an_event_of_another_site_is_refused_and_the_same_id_of_another_source_is_another_event(service):
    claimed = json.dumps(ticket("D1", source="/phuket/crm") | {"source": "/phuket/crm"}).encode()
    status, said = post(f"{service.url}/v1/events", claimed)
    assert (status, said["rejected"][0]["reason"]) == (403, "bad_credentials")
    theirs = json.dumps(event("A1", subject="A1", data={"service": "any"})).encode()
    assert post(f"{service.url}/v1/events", theirs, token=OTHER)[1]["accepted"] == 1


def test_freeswitch_sends_its_call_records_as_it_can_and_each_counts_once(service):
    cdr = json.dumps({
        "variables": {
            "uuid": "5f3c7e10-0001-4000-8000-000000000001", "direction": "inbound", "hangup_cause": "NORMAL_CLEARING",
            "start_uepoch": "1763604000000000", "answer_uepoch": "1763604009000000", "end_uepoch": "1763604069000000",
            "cc_queue": "idcard@default", "cc_side": "member", "cc_queue_joined_epoch": "1763604001",
        },
        "callflow": [{"caller_profile": {"caller_id_number": "0812345678", "destination_number": "1111"}}],
    })  # fmt: skip
    basic = "Basic " + base64.b64encode(f"freeswitch:{PBX}".encode()).decode()
    url = f"{service.url}/v1/pbx/freeswitch"
    form = "cdr=" + urllib.parse.quote(cdr)
    _, first = post(url, cdr.encode(), "application/json", Authorization=basic)
    assert first["accepted"] > 0 and not first["rejected"]
    for body, kind in ((cdr, "application/json"), (form, "application/x-www-form-urlencoded")):
        status, again = post(url, body.encode(), kind, Authorization=basic)
        assert (status, again["accepted"], again["rejected"]) == (200, 0, [])
    status, poison = post(url, b"cdr=%7B%22", "application/x-www-form-urlencoded", Authorization=basic)
    assert (status, len(poison["rejected"])) == (200, 1), "FreeSWITCH repeats whatever is not 200"
    assert post(f"{service.url}/v1/events", b"{}", Authorization=basic)[0] == 403


def signature(timestamp: str, nonce: str, body: bytes) -> str:
    signed = f"{timestamp}.{nonce}.POST./v1/events.".encode() + body
    return "v1=" + hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()


def test_a_source_with_a_key_is_heard_only_when_it_signs_and_once(service):
    body, now, nonce = json.dumps(ticket("E1")).encode(), str(int(time.time())), "n" * 16
    signed = {"Gecc_Timestamp": now, "Gecc_Nonce": nonce, "Gecc_Signature": signature(now, nonce, body)}
    url = f"{service.url}/v1/events"
    assert post(url, body, token=SIGNED)[0] == 401
    assert post(url, body + b" ", token=SIGNED, **signed)[0] == 401
    assert post(url, body, token=SIGNED, **signed) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert post(url, body, token=SIGNED, **signed)[0] == 409
    old = str(int(time.time()) - 301)
    late = {"Gecc_Timestamp": old, "Gecc_Nonce": "m" * 16, "Gecc_Signature": signature(old, "m" * 16, body)}
    assert post(url, body, token=SIGNED, **late)[0] == 401


def test_openssl_signs_as_we_check(service, tmp_path):
    for program in ("curl", "openssl"):
        need(program)
    (tmp_path / "hmac.key").write_text(f"{KEY}\n")
    (tmp_path / "event.json").write_text(json.dumps(ticket("E2")))
    script = f"""
        T=$(date +%s); N=$(openssl rand -hex 16)
        S=$({{ printf '%s.%s.POST./v1/events.' $T $N; cat event.json; }} | openssl dgst -sha256 -hmac "$(cat hmac.key)" -r | cut -d' ' -f1)
        curl -sS {service.url}/v1/events -H "Authorization: Bearer {SIGNED}" -H 'Content-Type: application/cloudevents+json' \
          -H "Gecc-Timestamp: $T" -H "Gecc-Nonce: $N" -H "Gecc-Signature: v1=$S" --data-binary @event.json
    """
    out = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert json.loads(out.stdout) == {"accepted": 1, "duplicates": 0, "rejected": []}, out.stderr


def test_who_a_person_is_stands_nowhere_in_the_journal_or_the_log(service):
    secrets = ("somchai.j@example.com", LINE_USER, "0812345678", "สมหญิง")
    said = [
        event("F1", "conversation.opened", subject="m-9", data={"channel": "email", "person": secrets[0], "text": "สมหญิง"}),
        event("F2", "conversation.opened", subject="l-9", data={"channel": "line", "person": f"line:{secrets[1]}"}),
        event("F3", "conversation.opened", subject="l-8", data={"channel": "line", "person": f"LINE:{secrets[1]}"}),
        event("F4", "case.opened", subject="k-9", data={"kind": "complaint", "person": secrets[2], "title": secrets[3]}),
        event("F5", "case.opened", subject=secrets[0], data={"kind": "complaint"}),
        event("F6", "case.opened", subject=secrets[1], data={"kind": "complaint"}),
        event("F7", "case.opened", subject=secrets[2], data={"kind": "complaint"}),
        event("F8", "case.opened", subject="k-8", data={"kind": "?", "person": secrets[0], "message": secrets[3]}),
    ]  # fmt: skip
    status, answer = post(f"{service.url}/v1/events", json.dumps(said).encode(), "application/cloudevents-batch+json")
    assert (status, answer["accepted"], [r["index"] for r in answer["rejected"]]) == (200, 4, [4, 5, 6, 7])
    post(f"{service.url}/v1/events", f'{{"person": "{secrets[0]}", "line": "{secrets[1]}"'.encode())
    events = kept(service)
    assert events["F2"].caller == events["F3"].caller != 0
    assert 0 != events["F1"].caller != events["F2"].caller
    with closing(sqlite3.connect(service.data / "journal.db")) as db:
        everything = "\n".join(db.iterdump()) + service.log
        blobs = [bytes(row[0]) for row in db.execute("SELECT raw FROM reject")]
    for secret in secrets:
        assert secret not in everything, secret
        assert not any(secret.encode() in raw for raw in blobs), secret


def test_words_and_dates_become_the_numbers_of_the_figures(service):
    said = [
        event("G1", "case.opened", subject="k-1", time="2025-11-01T09:00:00+07:00",
              data={"kind": "complaint", "due": "2025-11-16T16:30:00+07:00", "service": "idcard"}),
        event("G2", "case.settled", subject="k-1", time="2025-11-10T09:00:00+07:00", data={"result": "settled"}),
        event("G3", "conversation.replied", subject="m-1", data={"automatic": True, "agent": "somying"}),
    ]  # fmt: skip
    assert post(f"{service.url}/v1/events", json.dumps(said).encode(), "application/cloudevents-batch+json")[0] == 200
    events = kept(service)
    assert (events["G1"].a, events["G1"].b) == (1, 1_763_285_400_000)
    assert (events["G2"].a, events["G3"].a) == (1, 1)
    assert events["G3"].party.startswith("agent-")


def test_nothing_is_written_to_the_log_for_a_request(service):
    before = service.log
    post(f"{service.url}/v1/events", json.dumps(ticket("H1")).encode())
    post(f"{service.url}/v1/events", b"{")
    post(f"{service.url}/v1/events", b"{", token="wrong")
    assert service.log == before


def test_a_sender_is_ready_from_the_start_and_on_the_board(service):
    assert service.json("/readyz")["not_connected"] == {}
    sources = service.json("/v1/board", site="nonthaburi")["sources"]
    assert {s["id"]: s["state"] for s in sources}["crm"] in ("online", "unknown")


EARLY = """
import asyncio, telemetry.web.inbox as inbox
from telemetry.events import Decoded
async def later(self, name, decoder, records):
    await asyncio.sleep(0.02)  # the answer has left by then
    await self._take(name, decoder, inbox.Batch(records, lambda: None))
async def committed(self, name, decoder, records):
    work = asyncio.ensure_future(later(self, name, decoder, records))
    self._works.add(work)
    work.add_done_callback(self._works.discard)
    return Decoded(), len(records)
inbox.Inbox._committed = committed
"""
"""The known-bad control: an answer that does not wait for the commit."""


def send_through_deaths(
    folder, monkeypatch, crash: str, *, early: bool, events: int = 150
) -> tuple[set[str], set[str], int, int]:
    """Send one event after the other, each until it is answered 200, while the service dies; what was answered and what
    is there, how many times it died, and how many came again."""
    if early:
        (folder / "sitecustomize.py").write_text(EARLY)
        monkeypatch.setenv("PYTHONPATH", str(folder))
    port = free_port()
    config = write_config(folder, centre(folder))
    config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
    answered: set[str] = set()
    with Lives(config, crash=crash) as lives:
        lives.launch()
        for n in range(events):
            body = json.dumps(ticket(f"X{n}")).encode()

            def done(body: bytes = body) -> bool:
                try:
                    return bool(post(f"http://127.0.0.1:{port}/v1/events", body)[0] == 200)
                except OSError:
                    return False

            wait_until(done, lives.log, 60)
            answered.add(f"X{n}")
        lives.stop()
    deaths = lives.ended().count(-signal.SIGKILL)
    data = config.parent / "data"
    return answered, {e.id for e in journal_events(data)}, deaths, tally(data, "duplicates")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_killed_before_or_after_the_commit_what_was_answered_is_there_once(tmp_path, monkeypatch, point, tell):
    answered, there, deaths, again = send_through_deaths(tmp_path, monkeypatch, f"{point}:0.1", early=False)
    tell(f"{point}: {deaths} kills, {len(answered)} events answered, {len(answered - there)} lost, {again} came again")
    assert answered == there and stored(tmp_path / "data") == len(there)
    assert deaths > 2
    assert again > 0 or point == "before_commit", "what was committed and not answered comes again"


def test_a_service_that_answers_before_it_commits_loses_events_here(tmp_path, monkeypatch, tell):
    answered, there, deaths, _ = send_through_deaths(tmp_path, monkeypatch, "before_commit:0.2", early=True)
    tell(f"control (answers before the commit): {deaths} kills, {len(answered)} answered, {len(answered - there)} lost")
    assert answered - there


def test_while_the_disk_is_full_nothing_is_acknowledged_and_what_is_sent_again_counts_once(tmp_path, tell):
    def batch(n: int) -> bytes:
        return json.dumps([event(f"{n}:{i:010}", subject=f"T{i}", data={"service": "idcard", "x": "y" * 900}) for i in range(100)]).encode()  # fmt: skip

    kind, answers = "application/cloudevents-batch+json", []
    with OnSmallDisk(write_config(tmp_path, centre(tmp_path))) as service:
        url = f"{service.url}/v1/events"
        while 503 not in answers:
            answers.append(post(url, batch(len(answers)), kind)[0])
            assert len(answers) < 100, "not full"
        assert is_full(service)
        began = time.monotonic()
        assert post(url, batch(len(answers)), kind)[0] == 503
        assert time.monotonic() - began < 2, "known to be full, it says so at once"
        there = {e.id for e in journal_events(service.copied())}
        assert {f"{n}:{i:010}" for n, status in enumerate(answers) if status == 200 for i in range(100)} <= there
        (service.inside / "ballast").unlink()
        again = []
        for n in range(len(answers) + 1):
            wait_until(lambda n=n: again.append(post(url, batch(n), kind)) or again[-1][0] == 200, "not taken", 30)
        assert stored(service.copied()) == 100 * (len(answers) + 1)
        tell(f"full disk: {answers.count(200)} batches before, 0 of them lost, 0 counted twice when all came again")


def test_every_command_of_the_readme_is_taken(service, tmp_path):
    for program in ("curl", "openssl"):
        need(program)
    section = (Path(__file__).parents[2] / "README.md").read_text().partition("\n## HTTP in\n")[2].partition("\n## ")[0]
    assert section
    (tmp_path / "hmac.key").write_text(KEY)
    tokens = {"TOKEN": TOKEN, "SIGNING_TOKEN": SIGNED, "PBX_TOKEN": PBX}
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", section.replace("http://127.0.0.1:8080", service.url))
    asked = "".join(blocks).count("curl -sS ")
    answers = []
    for block in blocks:
        script = block.replace("curl -sS ", "curl -sS -w '\\n' ")
        out = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=os.environ | tokens, capture_output=True, text=True, timeout=30)  # fmt: skip
        assert out.returncode == 0, out.stderr
        answers += [json.loads(line) for line in out.stdout.splitlines()]
    assert len(answers) == asked > 8
    assert not [answer for answer in answers if answer.get("rejected", True) or not answer["accepted"]]
