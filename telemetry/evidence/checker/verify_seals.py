"""The chain of checkpoints: each names the one before, none is missing, and all are signed with the one key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

AROUND_DAYS = 32  # so many days of records on either side of the period count for it
FOLDER, NAME = "04_sealed/", "checkpoint.txt"
Checkpoint = dict[str, str]


def need(fine: object, otherwise: str) -> None:
    if not fine:
        raise ValueError(otherwise)


def chain(files: Mapping[str, bytes], site: str, signed: Callable[[str, str], None]) -> list[Checkpoint]:
    """All checkpoints in the order in which they were made; of each its lines, and its `name`, `folder` and `hash`."""
    follows: dict[str, Checkpoint] = {}
    for name in [n for n in files if n.endswith("/" + NAME)]:
        head, *lines = files[name].decode().splitlines()
        c = dict(line.split(" ", 1) for line in lines)
        c["name"] = c["day"] + f".{c['amendment']}" * (c["amendment"] != "0")
        c["folder"], c["hash"] = f"{FOLDER}{c['name']}/", sha256(files[name]).hexdigest()
        fits = head == "gecc-checkpoint 1" and c["site"] == site and name == c["folder"] + NAME
        need(fits, f"{name}: of another day or centre")
        need(c["previous"] not in follows, f"{name}: a fork of the chain")
        signed(name, f"site={c['site']} day={c['day']} amendment={c['amendment']}")
        follows[c["previous"]] = c
    out, before, newest = list[Checkpoint](), "0" * 64, dict[str, int]()
    while before in follows:
        out.append(c := follows.pop(before))
        need(int(c["amendment"]) == newest.get(c["day"], -1) + 1, f"{c['name']}: an amendment is missing before it")
        before, newest[c["day"]] = c["hash"], int(c["amendment"])
    need(out and not follows, "the chain of checkpoints has a hole")
    return out


def covers(chain: list[Checkpoint], manifest: Mapping[str, Any]) -> bool:
    """That the chain ends where the manifest says and leaves no day out; whether days of the period are not sealed yet."""
    need(chain[-1]["hash"] == manifest["checkpoint"], "the chain of checkpoints ends elsewhere")
    days = sorted({date.fromisoformat(c["day"]).toordinal() for c in chain})
    need(days == [*range(days[0], days[-1] + 1)], "a day is missing in the chain of checkpoints")
    first, last = (date.fromisoformat(manifest[x]).toordinal() for x in ("first", "last"))
    need(first <= last, "a period that ends before it begins")
    unsealed = [str(date.fromordinal(d)) for d in range(first, last + 1) if d not in days and d > days[0]]
    need(unsealed == manifest["unsealed"], "days that are not sealed are not said")
    ends = (max(first - AROUND_DAYS, days[0]), min(last + AROUND_DAYS, days[-1]))
    need(manifest["records"] == [str(date.fromordinal(d)) for d in ends], "records of other days")
    return bool(unsealed)
