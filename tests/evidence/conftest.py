"""A small centre with sealed days, and packs of them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from hashlib import sha256
from types import SimpleNamespace

import pytest

from telemetry.archive.signing import Signer
from telemetry.events import Event, canonical_json
from telemetry.evidence import pack
from telemetry.evidence.checker import verify
from telemetry.evidence.counted import count
from telemetry.evidence.sealed import sealed
from tests.archive.conftest import DAY_US, LAB, Room, at, visit

CENTRE = replace(LAB, hours={"mon-fri": "08:30-16:30"}, min_n=3, fcr_window_s=3600.0)


def call(day, number, *, answered=True, caller=0):
    t, name = at(day, 10) + number * 60_000_000, f"{day}-{number}"

    def event(kind, seconds, **more):
        return Event("lab", "lab/pbx", f"{name}-{kind}", f"call.{kind}", t + round(seconds * 1e6), "info", name, **more)

    if not answered:
        return [event("entered", 0, caller=caller), event("abandoned", 30, a=30_000, b=1)]
    return [
        event("entered", 0, caller=caller),
        event("connected", 8, party="agent-a", a=8000, b=7000),
        event("completed", 90, party="agent-a", a=8000, b=82_000),
    ]


def matter(kind, day, name, *steps):
    """(hours after, type, slot a) of a conversation or case."""
    t = at(day, 11)
    return [
        Event("lab", "lab/crm", f"{name}-{i}", f"{kind}.{word}", t + round(h * 3.6e9), "line" if kind == "conversation" else "tax", name, a=a)
        for i, (h, word, a) in enumerate(steps)
    ]  # fmt: skip


def some_days(room, days=(2, 3, 4, 5, 6), visits=6):
    for d in days:
        for n in range(visits):
            room.take(visit(d, n, score=5 - n % 3))
            room.take(call(d, n, answered=n % 4 != 3, caller=n * 7 + 1))
        room.take(matter("conversation", d, f"mail-{d}", (0, "opened", 0), (0.1, "replied", 0), (1, "closed", 1)))
        room.take(matter("case", d, f"case-{d}", (0, "opened", 1), (20, "settled", 1)))


def made(
    room, folder, first=date(2026, 3, 2), last=date(2026, 3, 4), *, name="pack.zip", site="lab", documents=None, **how
):
    """A pack without documents, and what it was made from."""
    found = sealed(room.store, site, first, last, **how)
    counted = count(found)
    data = pack.data_of(found, counted, room.store, version="1.0", asked={"preset": "full"})
    pack.write(folder / name, "GECC", data, documents or {}, room.store)
    return SimpleNamespace(
        path=folder / name, data=data, found=found, counted=counted, room=room, files=verify.open_pack(folder / name)
    )


@pytest.fixture(scope="session")
def centre(tmp_path_factory):
    """Five sealed days and an amendment."""
    room = Room(tmp_path_factory.mktemp("centre") / "data")
    some_days(room)
    room.seal(at(10), sites=(CENTRE,))
    room.take(visit(3, 60), at(10, 1))
    room.seal(at(10, 2), sites=(CENTRE,))
    yield room
    room.journal.close()


@pytest.fixture(scope="session")
def packed(centre, tmp_path_factory):
    return made(centre, tmp_path_factory.mktemp("pack"))


def said(files, *told):
    """Whether the checker accepts these files, and the last line it said."""
    lines = []
    return verify.verify(files, list(told), lines.append), lines[-1]


def resigned(files, manifest, signer: Signer):
    """The same pack after its manifest and lists were made good again by whoever holds a key."""
    files = dict(files)
    names = [name for name in files if name.startswith(verify.DATA)]
    manifest = {**manifest, "files": {name: sha256(files[name]).hexdigest() for name in names}}
    comment = "site={site} first={first} last={last}".format(**manifest)
    files["manifest.json"] = canonical_json(manifest).encode()
    files["manifest.json.minisig"] = signer.sign(files["manifest.json"], comment)
    listed = {name: content for name, content in files.items() if not name.startswith("SHA256SUMS")}
    files["SHA256SUMS"] = "".join(f"{sha256(c).hexdigest()}  {name}\n" for name, c in sorted(listed.items())).encode()
    files["SHA256SUMS.minisig"] = signer.sign(files["SHA256SUMS"], comment)
    return files


def zipped(packed, files, signer=None):
    """The zip of these files in the form of a pack, signed by whoever holds a key: the archive of `packed` or another."""
    out, signer = io.BytesIO(), signer or Signer(packed.room.store.folder)
    pack.write_zip(out, "GECC", files.items(), signer, packed.data.comment)
    return out.getvalue()


__all__ = ["CENTRE", "DAY_US", "call", "made", "matter", "resigned", "said", "some_days", "zipped"]
