"""TOML → checked rows. A row is a frozen dataclass; each field says what it accepts and what it means:

    port: Annotated[int, whole(1, 65535), "TCP port of the broker."] = 1883

so that one line is the type, the range, the default and the documentation of a setting. Nothing here
knows which settings there are.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
import tomllib
import zoneinfo
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Protocol, get_type_hints

MAX_UNIT = 64
"""Longest name of a service, queue or counter in UTF-8 bytes, as in `telemetry.events`."""

SECRETS = ("password", "passwd", "secret", "token")


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds every reason, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Wrong(Exception):  # noqa: N818 - it is the answer, not an error
    """A value is not accepted; the text says why, and is empty where the expectation says it all."""


@dataclass(frozen=True, slots=True)
class Given:
    """What reading one file needs to know, and the problems found in it."""

    file: str
    folder: Path
    """Relative paths begin here."""
    names: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    """Lists of names that only the caller knows; None is not checked."""
    problems: list[str] = field(default_factory=list)

    def wrong(self, at: str, what: str) -> None:
        self.problems.append(f"{self.file}: {at}: {what}")


class Kind(Protocol):
    """What a setting accepts."""

    @property
    def expected(self) -> str:
        """In words that follow "expected"."""

    def check(self, value: Any, given: Given, at: str) -> Any:
        """The value for the row; raises `Wrong`, or tells `given` of what is wrong further inside."""


@dataclass(frozen=True, slots=True)
class Single:
    """One value: `take` returns it checked, or raises `Wrong`."""

    expected: str
    take: Callable[[Any, Given], Any]

    def check(self, value: Any, given: Given, at: str) -> Any:  # noqa: ARG002
        return self.take(value, given)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of settings."""

    row: type[Any]
    expected: str = "a table"

    def check(self, value: Any, given: Given, at: str) -> Any:
        if not isinstance(value, dict):
            raise Wrong
        return read(self.row, value, given, at)


@dataclass(frozen=True, slots=True)
class Tables:
    """An array of tables of settings."""

    row: type[Any]
    expected: str = "an array of tables"

    def check(self, value: Any, given: Given, at: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Wrong
        return tuple(read(self.row, item, given, f"{at}[{i}]") for i, item in enumerate(value))


@dataclass(frozen=True, slots=True)
class NumberByName:
    """A table of numbers whose keys are names from the list `names[of]`; a mapping there gives their units."""

    of: str
    noun: str

    @property
    def expected(self) -> str:
        return f"a table of numbers, each by the name of a {self.noun}"

    def check(self, value: Any, given: Given, at: str) -> dict[str, float]:
        if not isinstance(value, dict):
            raise Wrong
        known = given.names.get(self.of)
        for name, amount in value.items():
            if known is not None and name not in known:
                given.wrong(f"{at}.{name}", f"no {self.noun} of this name{nearest(name, known)}")
            is_ratio = isinstance(known, Mapping) and known.get(name) == "ratio"
            if not _is_number(amount) or amount < 0 or (is_ratio and amount > 1):
                expected = "a number from 0 to 1" if is_ratio else "a number from 0"
                given.wrong(f"{at}.{name}", f"expected {expected}, got {shown(amount)}")
        return {name: float(amount) for name, amount in value.items() if _is_number(amount)}


@dataclass(frozen=True, slots=True)
class TextByText:
    """A table of texts by text, each of up to `most` characters."""

    most: int

    @property
    def expected(self) -> str:
        return "a table of texts, each by a text"

    def check(self, value: Any, given: Given, at: str) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Wrong
        return {
            name: found
            for name, one in value.items()
            if (found := _inside(text(self.most), one, given, f"{at}.{name}"))
        }


@dataclass(frozen=True, slots=True)
class NumberByText:
    """A table of numbers above 0 and up to `most`, each by a text."""

    most: float

    @property
    def expected(self) -> str:
        return f"a table of numbers above 0 and up to {self.most:.10g}, each by a text"

    def check(self, value: Any, given: Given, at: str) -> dict[str, float]:
        if not isinstance(value, dict):
            raise Wrong
        kind = number(self.most)
        return {name: found for name, one in value.items() if (found := _inside(kind, one, given, f"{at}.{name}"))}


@dataclass(frozen=True, slots=True)
class Dates:
    """An array of dates."""

    expected: str = "an array of dates such as [2026-12-31]"

    def check(self, value: Any, given: Given, at: str) -> tuple[date, ...]:
        if not isinstance(value, list):
            raise Wrong
        taken = (_inside(DATE, one, given, f"{at}[{i}]") for i, one in enumerate(value))
        return tuple(one for one in taken if one is not None)


@dataclass(frozen=True, slots=True)
class WholeByText:
    """A table of whole numbers by text."""

    low: int
    high: int

    @property
    def expected(self) -> str:
        return f"a table of whole numbers from {self.low} to {self.high}, each by a text"

    def check(self, value: Any, given: Given, at: str) -> dict[str, int]:
        if not isinstance(value, dict):
            raise Wrong
        kind = whole(self.low, self.high)
        return {name: found for name, one in value.items() if (found := _inside(kind, one, given, f"{at}.{name}"))}


@dataclass(frozen=True, slots=True)
class Texts:
    """An array of texts of up to `most` characters each."""

    most: int

    @property
    def expected(self) -> str:
        return f"an array of texts of up to {self.most} characters"

    def check(self, value: Any, given: Given, at: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Wrong
        kind = text(self.most)
        taken = (_inside(kind, one, given, f"{at}[{i}]") for i, one in enumerate(value))
        return tuple(one for one in taken if one is not None)


def _inside(kind: Single, value: Any, given: Given, at: str) -> Any:
    """A value inside another; None where it is not accepted, which `given` is told."""
    try:
        return kind.take(value, given)
    except Wrong as wrong:
        given.wrong(at, str(wrong) or f"expected {kind.expected}, got {shown(value)}")
        return None


class Setting(NamedTuple):
    """One setting as its row declares it."""

    name: str
    kind: Kind
    meaning: str
    default: Any
    """`MISSING` where a value must be given."""


def settings(row: type[Any]) -> list[Setting]:
    """The settings of a row, in its order."""
    hints = get_type_hints(row, include_extras=True)
    found = []
    for f in fields(row):
        kind, meaning = hints[f.name].__metadata__
        found.append(Setting(f.name, kind, meaning, f.default if f.default_factory is MISSING else f.default_factory()))
    return found


def every_setting(row: type[Any], prefix: str = "") -> Iterator[tuple[str, Setting]]:
    """All settings below a row under their dotted names, each before those inside it."""
    for setting in settings(row):
        yield prefix + setting.name, setting
        if isinstance(setting.kind, Table | Tables):
            yield from every_setting(setting.kind.row, f"{prefix}{setting.name}.")


def parse(path: Path) -> dict[str, Any]:
    """The TOML document in a file; `ConfigError` where it cannot be read, with the line."""
    try:
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        return tomllib.loads(raw.decode())
    except OSError as err:
        raise ConfigError([f"{path}: cannot be read: {err.strerror}"]) from err
    except UnicodeDecodeError as err:
        line = raw.count(b"\n", 0, err.start) + 1
        raise ConfigError([f"{path}: line {line}: not UTF-8; save the file as UTF-8"]) from err
    except ValueError as err:
        what, _, where = str(err).partition(" (at ")
        raise ConfigError([f"{path}: {where.removesuffix(')') or 'document'}: {what}"]) from err


def read(row: type[Any], table: Mapping[str, Any], given: Given, at: str = "") -> Any:
    """A row from its table. What is wrong is told to `given`, and stands in the row as its default, or empty."""
    prefix = f"{at}." if at else ""
    known = {s.name: s for s in settings(row)}
    for key in table:
        if key not in known:
            given.wrong(prefix + key, _unknown_key(key, known))
    return row(**{name: _read_setting(s, table, given, prefix + name) for name, s in known.items()})


def _read_setting(setting: Setting, table: Mapping[str, Any], given: Given, at: str) -> Any:
    fallback = "" if setting.default is MISSING else setting.default
    if setting.name not in table:
        if setting.default is MISSING:
            given.wrong(at, f"missing; expected {setting.kind.expected}")
        return fallback
    value = table[setting.name]
    try:
        return setting.kind.check(value, given, at)
    except Wrong as wrong:
        given.wrong(at, str(wrong) or f"expected {setting.kind.expected}, got {shown(value)}")
        return fallback


def _unknown_key(key: str, known: Collection[str]) -> str:
    if key in SECRETS:
        by_file = f": name the file that holds it in {key}_file" if f"{key}_file" in known else ""
        return f"a secret must not stand in this file{by_file}, or give it by the environment"
    return f"unknown setting{nearest(key, known)}"


def nearest(name: str, known: Collection[str]) -> str:
    """A suggestion to end a sentence with: the known name most like this one, or all of them if few."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; there are {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""


def shown(value: Any) -> str:
    """A value as it would stand in the file, short."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "an array"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


# Kinds ------------------------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _kind(expected: str, accepts: Callable[[Any], bool], make: Callable[[Any], Any] = lambda value: value) -> Single:
    def take(value: Any, _given: Given) -> Any:
        if not accepts(value):
            raise Wrong
        return make(value)

    return Single(expected, take)


def number(most: float, *, zero: bool = False) -> Single:
    """A number above 0, or from 0, up to `most`."""
    expected = f"a number from 0 to {most:.10g}" if zero else f"a number above 0 and up to {most:.10g}"
    return _kind(expected, lambda v: _is_number(v) and (0 < v <= most or (zero and v == 0)), float)


def whole(low: int, high: int) -> Single:
    return _kind(f"a whole number from {low} to {high}", lambda v: type(v) is int and low <= v <= high)


def one_of(*values: str) -> Single:
    return _kind("one of " + ", ".join(f'"{v}"' for v in values), lambda v: isinstance(v, str) and v in values)


def text(most: int) -> Single:
    """Words for people: anything but control characters; zero-width spaces are part of Thai typing."""
    return _kind(
        f"a text of up to {most} characters without control characters",
        lambda v: isinstance(v, str) and len(v) <= most and not re.search(r"[\x00-\x1f\x7f-\x9f]", v),
    )


SEPARATOR = _kind(
    'one character, such as ";" or a tab ("\\t")',
    lambda v: isinstance(v, str) and len(v) <= 1 and (v == "\t" or v.isprintable()) and v != '"',
)


def unit(*, empty: bool = False) -> Single:
    """A name that a PBX or a kiosk gave: free, but fit for a topic and for 64 bytes."""

    def accepts(v: Any) -> bool:
        fits = isinstance(v, str) and v.isprintable() and v == v.strip() and not set(v) & set("/+#")
        return fits and (empty or v != "") and len(v.encode()) <= MAX_UNIT

    return _kind(f"a printable name of up to {MAX_UNIT} bytes without /, + or #", accepts)


def topic_word() -> Single:
    """One level or several of an MQTT topic, of letters that no configuration of a broker has to escape."""
    return _kind(
        "a topic of a-z, A-Z, 0-9, _ and -, with / between its levels",
        lambda v: isinstance(v, str) and len(v) <= 64 and re.fullmatch(r"[\w-]+(/[\w-]+)*", v, re.ASCII) is not None,
    )


def named(of: str, noun: str) -> Single:
    """A name from the list `names[of]` of the caller."""

    def take(value: Any, given: Given) -> str:
        known = given.names.get(of)
        if not isinstance(value, str) or not value:
            raise Wrong
        if known is not None and value not in known:
            raise Wrong(f"no {noun} {shown(value)}{nearest(value, known)}")
        return value

    return Single(f"the name of a {noun}", take)


def _path(value: Any, given: Given) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Wrong
    return given.folder / value


def _file(value: Any, given: Given) -> Path:
    path = _path(value, given)
    if _is(Path.is_dir, path):
        raise Wrong(f"expected a file; {path} is a folder")
    return path


def _existing_file(value: Any, given: Given) -> Path:
    path = _path(value, given)
    try:
        path.open("rb").close()
    except OSError as err:
        raise Wrong(f"{path} cannot be read: {err.strerror}") from err
    return path


def _folder(value: Any, given: Given) -> Path:
    path = _path(value, given)
    if _is(Path.exists, path) and not _is(Path.is_dir, path):
        raise Wrong(f"expected a folder; {path} is a file")
    return path


def _is(question: Callable[[Path], bool], path: Path) -> bool:
    try:
        return question(path)
    except OSError as err:
        raise Wrong(f"{path} cannot be reached: {err.strerror}") from err


def _date(value: Any, _given: Given) -> date:
    if type(value) is not date:
        raise Wrong
    return value


def _zone(value: Any, _given: Given) -> str:
    try:
        return zoneinfo.ZoneInfo(value).key
    except (TypeError, AttributeError):
        raise Wrong from None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Wrong(f"no time zone {shown(value)}{nearest(value, zoneinfo.available_timezones())}") from None


def _is_host(value: Any) -> bool:
    if not isinstance(value, str) or ":" not in value:
        return isinstance(value, str) and re.fullmatch(r"[^\s/@]{1,253}", value) is not None
    try:
        return ipaddress.ip_address(value).version == 6
    except ValueError:
        return False


def _is_address(value: Any) -> bool:
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    inner = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    return colon != "" and _is_host(inner) and port.isascii() and port.isdigit() and int(port) < 65536


ADDRESS = _kind("host:port", _is_address)
KEEP_DAYS = _kind("0, or a whole number from 35 to 36500", lambda v: type(v) is int and (v == 0 or 35 <= v <= 36_500))
FLAG = _kind("true or false", lambda v: isinstance(v, bool))
ID = _kind(
    "1 to 32 of a-z, 0-9 and -", lambda v: isinstance(v, str) and re.fullmatch(r"[a-z0-9-]{1,32}", v) is not None
)
HOST = _kind("a host name or address, without scheme or port", _is_host)
ZONE = Single('a time zone such as "Asia/Bangkok"', _zone)
DATE = Single("a date such as 2026-10-01, without quotes", _date)
FOLDER = Single("the path of a folder", _folder)
FILE = Single("the path of a file", _file)
EXISTING_FILE = Single("the path of a file that exists", _existing_file)
