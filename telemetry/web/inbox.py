"""What is sent to us by HTTP: `POST /v1/events` (CloudEvents) and `POST /v1/pbx/<make>` (call records).

A token belongs to one `[[sites.sources]]` with `http = true`, and says by itself what is sent. Everything that can be
refused without the body is refused before it is read. 200 only after the commit: whatever else a sender hears or does
not hear, it may send the same again, and it counts once.

| Answer | When | Send again? |
|---|---|---|
| 200 | committed: `{"accepted": n, "duplicates": n, "rejected": [{"index", "reason", "detail"}]}` | no |
| 400 | one event that cannot be read, kept as a reject; the same body | no |
| 401, 403 | no such token, or wrong signature; the token is not for this path, or the event is another site's | no |
| 408, 413, 415 | body too slow, too large, of another kind | no |
| 409 | this very signed request was taken before | no |
| 429, 503 | too often, too many at once, or nowhere to keep it: `Retry-After` says when | yes |

Of a batch the good events are taken and the bad ones listed, with 200: a sender that repeats whatever is not 200 must
not do so for ever. So must no PBX: call records that cannot be read are kept as rejects and answered with 200.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientPayloadError, hdrs, http_exceptions, web

from collectors.base import Batch, Decoder
from telemetry.events import Decoded
from telemetry.web.credentials import Buckets, Refused, Signatures, Tokens, presented

MAX_BODY: Final = 1024 * 1024
MAX_BATCH: Final = 1000
MOST_OPEN: Final = 64
"""Requests whose body is being read or whose events are being committed."""
MOST_OF_ONE: Final = 16
"""Those of one source: a sender that dawdles must not keep the others out."""
SIGNED: Final = ("application/cloudevents+json", "application/cloudevents-batch+json")
"""Kinds of bodies that hold the whole event; headers are not signed."""
READ_S: Final = 15.0
COMMIT_S: Final = 10.0
RATE, BURST = 200.0, 1000.0
"""Requests a second of one token, and how many at once; a batch is one."""
FAILURES, FORGIVEN = 20.0, 0.2
"""Wrong tokens of one address that are answered at once, and how many more a second after that."""

Split = Callable[[Sequence[tuple[str, str]], bytes], tuple[list[bytes], bool] | None]
Take = Callable[[str, Any, Batch], Awaitable[tuple[Decoded, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Sender:
    """A source that sends by itself."""

    name: str
    path: str
    """Where it posts."""
    decoder: Decoder
    split: Split | None = None
    """Headers and body → records, and whether they are a batch; None where the body is the one record."""
    signatures: Signatures | None = None


class Inbox:
    """The routes of what is sent to us."""

    def __init__(
        self,
        senders: Iterable[tuple[str, Sender]],
        take: Take,
        *,
        storing: Callable[[], bool] = lambda: True,
        read_s: float = READ_S,
        commit_s: float = COMMIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`senders` with the hash of each of their tokens; `take` decodes, commits and counts; `storing` is False while the disk is
        full. ValueError for a token that is no hash."""
        rows = [*senders]
        self._tokens = Tokens(rows)
        self._take = take
        self._storing = storing
        self._read_s, self._commit_s = read_s, commit_s
        self._rates = Buckets(rate=RATE, burst=BURST, most=len(rows) + 1, clock=clock)
        self._failures = Buckets(rate=FORGIVEN, burst=FAILURES, most=10_000, clock=clock)
        self._open = Counter[str]()
        self._works: set[asyncio.Task[tuple[Decoded, int]]] = set()

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        for path in ("/v1/events", "/v1/pbx/{make}"):
            app.router.add_post(path, self.post, expect_handler=_no_hurry)

    async def post(self, request: web.Request) -> web.Response:
        """One request of a sender."""
        try:
            sender = self._admitted(request)
            self._open[sender.name] += 1
            try:
                body = await _body(request, self._read_s)
            finally:
                self._open[sender.name] -= 1
            return await self._receive(request, sender, body)
        except Refused as refused:
            return _refusal(refused)

    def _admitted(self, request: web.Request) -> Sender:
        """Whose request it is; `Refused` for all that can be told without its body."""
        sender = self._tokens.owner(presented(request.headers.get(hdrs.AUTHORIZATION, "")))
        if sender is None:
            wait_s = self._failures.wait_s(request.remote or "")
            if wait_s:
                raise Refused(429, "too many wrong tokens", wait_s)
            raise Refused(401, "needs Authorization: Bearer and the token of a source")
        if request.path != sender.path:
            raise Refused(403, f"this token is for POST {sender.path}")
        if wait_s := self._rates.wait_s(sender.name):
            raise Refused(429, "too many requests of this source", wait_s)
        if request.query_string:
            raise Refused(400, "takes no arguments in the address")
        if any(how.lower() != "identity" for how in request.headers.getall(hdrs.CONTENT_ENCODING, ())):
            raise Refused(415, "a body must not be compressed")
        if (request.content_length or 0) > MAX_BODY:
            raise Refused(413, f"{request.content_length} bytes, limit {MAX_BODY}")
        if not self._storing():
            raise Refused(503, "the disk is full: nothing is taken until there is room", 30)
        if self._open[sender.name] >= MOST_OF_ONE or self._open.total() >= MOST_OPEN:
            raise Refused(503, "too many requests at once", 1)
        return sender

    async def _receive(self, request: web.Request, sender: Sender, body: bytes) -> web.Response:
        nonce = ""
        if sender.signatures:
            if sender.split and request.content_type not in SIGNED:
                raise Refused(415, "what is signed is the body: expected application/cloudevents(-batch)+json")
            nonce = sender.signatures.check(request.headers, request.method, request.path, body)
        records, batch = [body], False
        if sender.split:
            parts = sender.split([*request.headers.items()], body)
            if parts is None:
                raise Refused(
                    415, "expected CloudEvents: ce- headers with JSON, or application/cloudevents(-batch)+json"
                )
            records, batch = parts
        if len(records) > MAX_BATCH:
            raise Refused(413, f"{len(records)} events, limit {MAX_BATCH}")
        numbered = _Numbered(sender.decoder)
        try:
            decoded, new = await self._committed(sender.name, numbered, records)
        except Refused:
            if sender.signatures:
                sender.signatures.give_back(nonce)
            raise
        status = 200
        if decoded.rejected and sender.split and not batch:
            status = 403 if decoded.rejected[0].reason == "bad_credentials" else 400
        return _told(decoded, new, numbered.places, status)

    async def _committed(self, name: str, decoder: _Numbered, records: list[bytes]) -> tuple[Decoded, int]:
        """What was taken, once it is on the disk. What does not get there in time may still do so later: it holds its
        place among the requests until then."""
        work = asyncio.ensure_future(self._take(name, decoder, Batch(records, lambda: None)))
        self._works.add(work)
        self._open[name] += 1

        def done(work: asyncio.Task[tuple[Decoded, int]]) -> None:
            self._works.discard(work)
            self._open[name] -= 1

        work.add_done_callback(done)
        await asyncio.wait([work], timeout=self._commit_s)
        if not work.done():
            raise Refused(503, "not stored in time; it is safe to send it again", 10)
        if work.cancelled():
            raise Refused(503, "going down", 5)
        return work.result()


@dataclass(slots=True)
class _Numbered:
    """A decoder that notes which record each reject was."""

    decoder: Decoder
    places: list[int] = field(default_factory=list)
    _next: int = 0

    def feed(self, records: Sequence[Any], received_us: int) -> Decoded:
        out = Decoded()
        first, self._next = self._next, self._next + len(records)
        for place, record in enumerate(records, first):
            one = self.decoder.feed([record], received_us)
            out.join(one)
            self.places += [place] * len(one.rejected)
        return out

    def restart(self) -> None:
        self.decoder.restart()

    def dump(self) -> str:
        return self.decoder.dump()

    def load(self, state: str) -> None:
        self.decoder.load(state)


async def _no_hurry(_request: web.Request) -> None:
    """A sender that waits to be asked for its body is asked when we have decided to read it."""


async def _body(request: web.Request, within_s: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                request.writer.output_size = 0
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Refused(413, f"more than {MAX_BODY} bytes")
    except TimeoutError:
        raise Refused(408, f"the body did not come within {within_s:g} s") from None
    except (ConnectionError, ClientPayloadError, http_exceptions.HttpProcessingError):
        raise Refused(400, "the body is not what its headers say") from None
    return bytes(body)


def _refusal(refused: Refused) -> web.Response:
    response = _json({"error": refused.why}, refused.status)
    if refused.retry_after_s is not None:
        response.headers[hdrs.RETRY_AFTER] = str(max(1, math.ceil(refused.retry_after_s)))
    if refused.status == 401:
        response.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="gecc"'
    if refused.status in (408, 413):
        response.force_close()
    return response


def _told(decoded: Decoded, new: int, places: Sequence[int], status: int) -> web.Response:
    rejected = [
        {"index": place, "reason": r.reason, "detail": r.detail}
        for place, r in zip([*places, *[0] * (len(decoded.rejected) - len(places))], decoded.rejected, strict=True)
    ]
    said: dict[str, Any] = {"accepted": new, "duplicates": len(decoded.events) - new, "rejected": rejected}
    return _json(said | ({"ignored": decoded.ignored} if decoded.ignored else {}), status)


def _json(value: object, status: int) -> web.Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return web.Response(
        text=text, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
