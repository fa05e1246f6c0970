"""The store at the other end: lines go in, and its answer becomes one of few meanings.

| answer | meaning |
|---|---|
| 204 | it has all of them |
| 400, 413, 422 in its own words | something in it is refused: halves are tried, until the bad lines stand alone |
| 408, 425, 429, 5xx, no answer, a broken one | `Unreachable`: later again, after `Retry-After` where it says so |
| any other: 401, 403, 404, a redirect, a page that is no store's | `Denied`: nobody but the operator can mend it |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as TimedOut

from telemetry.config import Influxdb

MOST_POINTS = 5000
"""Of one call."""
LONGEST_RETRY_AFTER_S = 600.0
_REFUSED = (400, 413, 422)
_LATER = (408, 425, 429)
_WORDS = 300
"""Characters of an answer that are kept."""


class Unreachable(Exception):  # noqa: N818 - it is the answer, not an error
    """It may take the same lines later."""

    def __init__(self, reason: str, text: str, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.reason, self.retry_after_s = reason, retry_after_s


class Denied(Exception):  # noqa: N818
    """It will not take anything from us before somebody changes the settings."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refused:
    """One line that it will not have, and its reason."""

    line: int
    reason: str


class _BadLinesError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Store:
    """One bucket, by synchronous calls without retries of the client's own; for one thread."""

    def __init__(self, settings: Influxdb, token: Callable[[], str | None]) -> None:
        self._settings, self._token = settings, token
        self._client: InfluxDBClient | None = None

    def close(self) -> None:
        """The next call connects anew, and reads the token anew."""
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def write(self, lines: Sequence[str]) -> list[Refused]:
        """Give it these lines, at most MOST_POINTS; what it refused when all others are there. Raises Unreachable or Denied:
        then nobody knows which of them it has, and all must be given again."""
        try:
            return self._bisect(lines, 0)
        except (Unreachable, Denied):
            self.close()
            raise

    def _bisect(self, lines: Sequence[str], first: int) -> list[Refused]:
        if not lines:
            return []
        try:
            self._call(lines)
        except _BadLinesError as refused:
            if len(lines) == 1:
                return [Refused(first, f"{refused.status}: {refused}")]
            half = len(lines) // 2
            return [*self._bisect(lines[:half], first), *self._bisect(lines[half:], first + half)]
        return []

    def _call(self, lines: Sequence[str]) -> None:
        s = self._settings
        try:
            if self._client is None:
                self._client = self._connect()
            self._client.write_api(write_options=SYNCHRONOUS).write(
                s.bucket,
                s.org,
                "\n".join(lines).encode(),
                WritePrecision.S,  # type: ignore[arg-type]
            )
            status = self._client.api_client.last_response.status
        except ApiException as answer:
            raise _meaning(answer) from None
        except (HTTPError, OSError) as problem:
            late = isinstance(problem, TimedOut) and not isinstance(problem, NewConnectionError)
            raise Unreachable("timeout" if late else "connection", _short(str(problem))) from None
        if status != 204:
            raise Denied("not_a_store", f"answered {status} where a store says 204")

    def _connect(self) -> InfluxDBClient:
        s = self._settings
        try:
            token = self._token()
        except OSError as problem:
            raise Denied("token", f"the token cannot be read: {problem}") from None
        if token is not None and (not token.isascii() or not token.isprintable()):
            raise Denied("token", "the token holds characters that no token has")
        return InfluxDBClient(
            url=s.url,
            token=token or "",
            org=s.org,
            timeout=round(s.timeout_s * 1000),
            enable_gzip=s.gzip,
            ssl_ca_cert=None if s.ca_file is None else str(s.ca_file),
            retries=False,
        )


def _meaning(answer: ApiException) -> Exception:
    status, text = answer.status or 0, _short(str(getattr(answer, "message", "") or answer.reason or ""))
    if status in _REFUSED and (status == 413 or not text.lstrip().startswith("<")):
        return _BadLinesError(status, text)
    if status in _LATER or status >= 500:
        return Unreachable(str(status), f"{status}: {text}", _retry_after_s(answer))
    if status == 0:
        return Unreachable("tls", _short(str(answer.reason)))
    return Denied(str(status), f"{status}: {text}")


def _retry_after_s(answer: ApiException) -> float:
    """Seconds, or a date; 0 where it does not say."""
    told = str(getattr(answer, "retry_after", None) or "")
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S) if seconds == seconds else 0.0  # noqa: PLR0124  not NaN


def _short(text: str) -> str:
    return " ".join(text.split())[:_WORDS]
