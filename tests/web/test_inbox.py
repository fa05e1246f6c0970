"""What is sent to us: refused before it is read where it can be, never answered before it is kept, never looped on."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hmac
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import aiohttp
import pytest

from collectors.formats import cloudevents_modes
from telemetry.events import Decoded, Event, Rejected
from telemetry.web import inbox as inbox_module
from telemetry.web.credentials import Signatures, Tokens, hashed
from telemetry.web.inbox import BURST, FAILURES, MAX_BATCH, MAX_BODY, MOST_OF_ONE, MOST_OPEN, Inbox, Sender
from telemetry.web.routes import make_app
from telemetry.web.serving import serve

EVENTS, PBX = "token-of-a-crm", "token-of-a-pbx"
ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


class Format:
    """Takes what begins with `{`; counts nothing, keeps nothing."""

    def feed(self, records, received_us):
        out = Decoded()
        for record in records:
            if record.startswith(b"{"):
                out.events.append(Event("a", "a/crm", record.decode(), "ticket.issued", received_us))
            elif record == b"elsewhere":
                out.rejected.append(Rejected("bad_credentials", "of another site", record))
            elif record:
                out.rejected.append(Rejected("not_json", "not JSON", record))
            else:
                out.ignored += 1
        return out

    def restart(self):
        pass

    def dump(self):
        return ""

    def load(self, state):
        pass


class Store:
    """A pipeline that keeps in a set what it takes; `may_commit` holds it back."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.has_room = True
        self.taking = 0

    async def take(self, name, decoder, batch):
        decoded = decoder.feed(batch.records, 0)
        self.taking += 1
        await self.may_commit.wait()
        new = {e.id for e in decoded.events} - self.kept
        self.kept |= new
        return decoded, len(new)


def run(case, web_kit, **options):
    """`case(app)` over an application with two senders."""

    @asynccontextmanager
    async def running():
        store = Store()
        crm = Sender("a/crm", "/v1/events", Format(), cloudevents_modes.split)
        pbx = Sender("a/pbx", "/v1/pbx/freeswitch", Format())
        senders = [(hashed(EVENTS), crm), (hashed(PBX), pbx)]
        inbox = Inbox(senders, store.take, storing=lambda: store.has_room, **options)
        runner = await serve(make_app(web_kit.FakeService(), inbox=inbox), "127.0.0.1", 0)
        try:
            async with aiohttp.ClientSession(runner.url) as http:
                yield SimpleNamespace(http=http, address=runner.address, store=store, inbox=inbox)
        finally:
            store.may_commit.set()
            await runner.aclose()

    async def main():
        async with running() as app:
            await case(app)

    asyncio.run(main())


async def post(app, data=b"{}", *, kind=ONE, token=EVENTS, path="/v1/events", **headers):
    """Status, headers and answer."""
    said = {"Content-Type": kind, "Authorization": f"Bearer {token}"} | headers
    async with app.http.post(path, data=data, headers={k: v for k, v in said.items() if v}) as answer:
        return answer.status, answer.headers, json.loads(await answer.read())


async def talk(app, head, *, body=b"", path="/v1/events"):
    """Raw bytes to a connection of its own; the answer's bytes until it is closed, and how long that took."""
    reader, writer = await asyncio.open_connection(*app.address)
    began = time.monotonic()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {EVENTS}",
        f"Content-Type: {ONE}",
        *head,
        "",
        "",
    ]
    writer.write("\r\n".join(lines).encode() + body)
    answer = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), 30):
            answer += part
            if b"Connection: close" not in answer and answer.endswith(b"}"):
                break
    except ConnectionError:
        pass
    writer.close()
    return answer, time.monotonic() - began


def test_every_route_takes_post_and_refuses_every_other_method_and_every_stranger(web_kit):
    async def case(app):
        for path in ("/v1/events", "/v1/pbx/freeswitch", "/v1/pbx/else"):
            for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
                async with app.http.request(method, path) as answer:
                    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
            for token in ("", "wrong"):
                status, headers, _ = await post(app, path=path, Authorization=f"Bearer {token}" if token else "")
                assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="gecc"')
                assert headers["X-Content-Type-Options"] == "nosniff" and "Server" not in headers
        assert (await post(app, path="/v1/pbx/freeswitch"))[0] == 403
        assert (await post(app, path="/v1/pbx/else"))[0] == 403
        assert (await post(app, token=PBX))[0] == 403
        assert (await post(app))[0] == 200

    run(case, web_kit)


def test_without_an_inbox_nothing_can_be_sent(web_kit):
    app = make_app(web_kit.FakeService())
    assert {route.method for route in app.router.routes()} == {"GET"}


def test_the_same_again_is_a_duplicate(web_kit):
    async def case(app):
        assert (await post(app))[2] == {"accepted": 1, "duplicates": 0, "rejected": []}
        assert (await post(app))[2] == {"accepted": 0, "duplicates": 1, "rejected": []}

    run(case, web_kit)


def test_of_a_batch_each_bad_one_is_named_by_its_place_and_a_body_that_is_no_batch_is_400(web_kit):
    async def case(app):
        status, _, said = await post(app, b'[{"a":1}, 5, {"a":2}, "x"]', kind=BATCH)
        assert (status, said["accepted"], [r["index"] for r in said["rejected"]]) == (200, 2, [1, 3])
        assert (await post(app, b"[5]", kind=BATCH))[0] == 200, "poison must not be sent for ever"
        assert (await post(app, b"[]", kind=BATCH))[::2] == (200, {"accepted": 0, "duplicates": 0, "rejected": []})
        assert (await post(app, b"[{", kind=BATCH))[0] == 400
        assert (await post(app, b"nothing"))[0] == 400
        assert (await post(app, b"elsewhere"))[0] == 403

    run(case, web_kit)


def test_a_batch_has_a_most_and_none_of_a_longer_one_is_taken(web_kit):
    async def case(app):
        most = json.dumps([{"n": n} for n in range(MAX_BATCH)]).encode()
        assert (await post(app, most, kind=BATCH))[2]["accepted"] == MAX_BATCH
        status, _, said = await post(app, json.dumps([{"m": n} for n in range(MAX_BATCH + 1)]).encode(), kind=BATCH)
        assert (status, said, len(app.store.kept)) == (413, {"error": "1001 events, limit 1000"}, MAX_BATCH)

    run(case, web_kit)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "", "application/cloudevents+xml", f"{ONE}; charset=tis-620"]
)
def test_what_carries_no_cloudevents_is_415(web_kit, kind):
    async def case(app):
        assert (await post(app, kind=kind or "application/octet-stream"))[0] == 415
        assert not app.store.kept

    run(case, web_kit)


def test_a_compressed_body_and_an_argument_are_refused(web_kit):
    async def case(app):
        assert (await post(app, gzip.compress(b"{}"), **{"Content-Encoding": "gzip"}))[0] == 415
        twice = ["Content-Encoding: identity", "Content-Encoding: gzip", "Content-Length: 22"]
        assert (await talk(app, twice, body=gzip.compress(b"{}", mtime=0)))[0].startswith(b"HTTP/1.1 415")
        assert (await post(app, path="/v1/events?site=a"))[0] == 400

    run(case, web_kit)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/cloudeventsx+json", "application/cloudevents+json;charset=tis-620"]
)
def test_what_is_not_signed_says_nothing_of_a_signed_event(web_kit, kind):
    """Headers are not under the signature, so an event in binary mode could be made to say anything."""

    async def case(app):
        key = b"k" * 32
        signing = replace(app.inbox._tokens.owner(EVENTS), signatures=Signatures(key, clock=time.time))
        app.inbox._tokens = Tokens([(hashed(EVENTS), signing)])
        at, nonce, body = str(int(time.time())), "n" * 16, b"{}"
        signature = hmac.new(key, f"{at}.{nonce}.POST./v1/events.".encode() + body, "sha256").hexdigest()
        signed = {"Gecc-Timestamp": at, "Gecc-Nonce": nonce, "Gecc-Signature": f"v1={signature}"}
        forged = {"ce-specversion": "1.0", "ce-id": "forged", "ce-type": "vote.cast"}
        assert (await post(app, body, kind=kind, **signed, **forged))[0] == 415
        assert not app.store.taking

    run(case, web_kit)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(web_kit):
    async def case(app):
        answer, took = await talk(app, [f"Content-Length: {MAX_BODY + 1}"])
        assert answer.startswith(b"HTTP/1.1 413") and b"Connection: close" in answer
        assert took < 5
        answer, _ = await talk(app, [f"Content-Length: {MAX_BODY + 1}", "Expect: 100-continue"])
        assert answer.startswith(b"HTTP/1.1 413"), "it is not asked for the body"
        answer, _ = await talk(app, ["Content-Length: 2", "Expect: 100-continue"], body=b"{}")
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
        assert (await post(app, b"{" + b" " * (MAX_BODY - 2) + b"}"))[0] == 200

    run(case, web_kit)


def test_a_body_in_pieces_is_cut_when_it_is_too_large(web_kit):
    async def case(app):
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        answer, _ = await talk(app, ["Transfer-Encoding: chunked"], body=piece * 17)
        assert answer.startswith(b"HTTP/1.1 413")

    run(case, web_kit)


def test_a_body_that_does_not_come_is_given_up(web_kit):
    async def case(app):
        answer, took = await talk(app, ["Content-Length: 100"], body=b"{")
        assert answer.startswith(b"HTTP/1.1 408") and b"Connection: close" in answer
        assert 0.3 <= took < 20

    run(case, web_kit, read_s=0.3)


def test_a_body_that_breaks_off_or_is_wrongly_cut_says_nothing_in_the_log(web_kit, caplog):
    async def case(app):
        _, writer = await asyncio.open_connection(*app.address)
        writer.write(
            f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {EVENTS}\r\nContent-Length: 9\r\n\r\n{{".encode()
        )
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        answer, _ = await talk(app, ["Transfer-Encoding: chunked"], body=b"zz\r\n{}\r\n")
        assert b" 400 " in answer[:20]
        assert not app.inbox._open.total()

    run(case, web_kit)
    assert not caplog.records


def test_too_many_at_once_are_asked_to_come_again_before_their_bodies_are_read(web_kit):
    async def case(app):
        app.store.may_commit.clear()
        sent = [asyncio.create_task(post(app, b'{"n":%d}' % n)) for n in range(MOST_OF_ONE)]
        while app.store.taking < MOST_OF_ONE:
            await asyncio.sleep(0.01)
        answer, _ = await talk(app, ["Content-Length: 1000000"])
        assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer
        other = asyncio.create_task(post(app, b'{"uuid":"1"}', token=PBX, path="/v1/pbx/freeswitch"))
        while app.store.taking <= MOST_OF_ONE:
            await asyncio.sleep(0.01)
        app.inbox._open["a/another"] = MOST_OPEN - MOST_OF_ONE - 1
        assert (await post(app, token=PBX, path="/v1/pbx/freeswitch"))[0] == 503, "nor all sources together"
        app.inbox._open["a/another"] = 0
        app.store.may_commit.set()
        assert {(await one)[0] for one in [*sent, other]} == {200}
        assert (await post(app))[0] == 200
        assert not app.inbox._open.total() and not app.inbox._works

    run(case, web_kit)


def test_a_source_whose_bodies_do_not_come_keeps_no_other_out(web_kit):
    async def case(app):
        slow = [asyncio.create_task(talk(app, ["Content-Length: 100"])) for _ in range(MOST_OF_ONE)]
        while app.inbox._open.total() < MOST_OF_ONE:
            await asyncio.sleep(0.01)
        assert (await post(app))[0] == 503
        assert (await post(app, b'{"uuid":"1"}', token=PBX, path="/v1/pbx/freeswitch"))[0] == 200
        assert all(answer.startswith(b"HTTP/1.1 408") for answer, _ in await asyncio.gather(*slow))

    run(case, web_kit, read_s=2)


def test_nothing_is_answered_before_it_is_kept_and_what_takes_too_long_may_be_sent_again(web_kit):
    async def case(app):
        app.store.may_commit.clear()
        status, headers, _ = await post(app)
        assert (status, headers["Retry-After"], app.store.kept) == (503, "10", set())
        assert len(app.inbox._works) == 1, "it keeps its place for as long as it may still be stored"
        app.store.may_commit.set()
        assert (await post(app))[2] == {"accepted": 0, "duplicates": 1, "rejected": []}

    run(case, web_kit, commit_s=1)


def test_while_the_disk_is_full_nothing_is_taken(web_kit):
    async def case(app):
        app.store.has_room = False
        status, headers, _ = await post(app)
        assert (status, headers["Retry-After"], app.store.taking) == (503, "30", 0)

    run(case, web_kit)


def test_a_journal_that_closes_while_a_request_waits_acknowledges_nothing(web_kit):
    async def case(app):
        app.store.may_commit.clear()
        sent = asyncio.create_task(post(app))
        while not app.inbox._works:
            await asyncio.sleep(0.01)
        next(iter(app.inbox._works)).cancel()
        assert (await sent)[0] == 503

    run(case, web_kit)


def test_a_token_that_is_used_too_often_has_to_wait(web_kit):
    async def case(app):
        for _ in range(int(BURST) - 1):
            app.inbox._rates.wait_s("a/crm")
        assert (await post(app))[0] == 200
        status, headers, _ = await post(app)
        assert (status, headers["Retry-After"]) == (429, "1")
        assert (await post(app, token=PBX, path="/v1/pbx/freeswitch"))[0] == 200, "each source has its own"

    run(case, web_kit, clock=lambda: 0.0)


def test_guessing_tokens_is_slowed_and_does_not_lock_out_who_has_one(web_kit):
    async def case(app):
        answers = [(await post(app, token=f"guess-{n}"))[:2] for n in range(int(FAILURES) + 1)]
        assert [status for status, _ in answers] == [401] * int(FAILURES) + [429]
        assert int(answers[-1][1]["Retry-After"]) == 5
        assert (await post(app))[0] == 200

    run(case, web_kit, clock=lambda: 0.0)


def test_a_pbx_sends_its_record_as_it_is_with_basic_and_is_never_made_to_repeat_what_cannot_be_read(web_kit):
    async def case(app):
        basic = base64.b64encode(f"freeswitch:{PBX}".encode()).decode()
        for kind, body, accepted in (
            ("application/json", b'{"uuid":"1"}', 1),
            ("application/x-www-form-urlencoded", b"cdr=%7B%22uuid%22", 0),
            ("text/plain", b"eyJ1dWlkIjoi", 0),
        ):
            status, _, said = await post(
                app, body, kind=kind, path="/v1/pbx/freeswitch", Authorization=f"Basic {basic}"
            )
            assert (status, said["accepted"], len(said["rejected"])) == (200, accepted, 1 - accepted)
        _, _, said = await post(app, b"", token=PBX, path="/v1/pbx/freeswitch")
        assert said == {"accepted": 0, "duplicates": 0, "rejected": [], "ignored": 1}

    run(case, web_kit)


def test_a_fault_inside_is_500_and_lets_go_of_its_place(web_kit, monkeypatch, caplog):
    async def case(app):
        async def broken(*_):
            raise RuntimeError("secret")

        app.inbox._take = broken
        status, _, said = await post(app)
        assert (status, said) == (500, {"error": "internal error"})
        assert not app.inbox._works and not app.inbox._open.total()

    run(case, web_kit)
    assert "/v1/events failed" in caplog.text and EVENTS not in caplog.text


def test_the_table_of_answers_stands_with_the_code():
    said = inbox_module.__doc__ or ""
    assert all(str(status) in said for status in (200, 400, 401, 403, 408, 409, 413, 415, 429, 503))
