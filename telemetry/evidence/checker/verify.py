"""Checks an evidence pack with nothing but Python: python3 verify.py [PACK.zip or folder] [--expect CODE ...]

It reads; it never writes or unpacks. Every hash, seal and signature is checked, and the headline figures are counted again
from the records. A forger with a key of his own can make a pack that fits in itself: --expect takes what you were told by
another way (check code or hash of the manifest, hash of a checkpoint, or the public key), and the pack must contain it.
"""

from __future__ import annotations

import argparse
import base64
import csv
import gc
import importlib.util
import io
import json
import sys
import time
import zipfile
from collections import defaultdict
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

FIELDS = ["seq", "site", "source", "id", "type", "time_us", "received_us", "unit", "contact", "party", "person", "a", "b", "c"]  # fmt: skip
NUMBERS, AROUND_DAYS = {"seq", "time_us", "received_us", "a", "b", "c"}, 32
SUMS, MANIFEST, DATA = "SHA256SUMS", "manifest.json", ("04_records/", "04_sealed/")
KINDS = {"file": "events.parquet", "contacts": "contacts.parquet", "gaps": "gaps.json", "settings": "settings.json"}


def beside(name: str) -> Any:
    """The other files of this program: of a pack that is only being checked, nothing is ever run."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.dont_write_bytecode = True  # a file more would be one too many in the pack
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


SIGNATURE, CALLS, FIGURES = beside("verify_signature"), beside("verify_calls"), beside("verify_figures")


class Wrong(Exception):  # noqa: N818
    """The pack is not what it says it is."""


def need(fine: object, otherwise: str) -> None:
    if not fine:
        raise Wrong(otherwise)


def signed(files: dict[str, bytes], name: str, comment: str) -> None:
    problem = SIGNATURE.problem(files["minisign.pub"], files[name], files[name + ".minisig"], comment)
    need(not problem, f"{name}.minisig: {problem}")


def open_pack(path: Path) -> dict[str, bytes]:
    """Name → content. Nothing is unpacked, so no name in a zip can lead anywhere."""
    if path.is_dir():
        return {x.relative_to(path).as_posix(): x.read_bytes() for x in path.rglob("*") if x.is_file()}
    with zipfile.ZipFile(path) as z:
        names = z.namelist()
        top = names[0].split("/")[0] + "/"
        need(len(set(names)) == len(names), "a name stands in it twice")
        need(all(name.startswith(top) for name in names), "a file beside the folder of the pack")
        need(sum(x.file_size for x in z.infolist()) < 2**32, "larger than 4 GiB")
        return {name[len(top) :]: z.read(name) for name in names}


class Pack:
    """What is read of a pack, check by check; each check says what it found or raises."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.chain, self.events = files, list[dict[str, str]](), list[Any]()
        self.manifest: dict[str, Any] = json.loads(files[MANIFEST])
        self.hash = sha256(files[MANIFEST]).hexdigest()
        code = base64.b32encode(bytes.fromhex(self.hash)[:5]).decode()
        self.code = f"{code[:4]}-{code[4:]}"

    def listed(self) -> str:
        sums = {name: hash_ for hash_, name in (x.split("  ", 1) for x in self.files[SUMS].decode().splitlines())}
        different = sums.keys() ^ (self.files.keys() - {SUMS, SUMS + ".minisig"})
        need(not different, f"missing or added: {sorted(different)[:3]}")
        for name, hash_ in [*sums.items(), *self.manifest["files"].items()]:
            need(sha256(self.files[name]).hexdigest() == hash_, f"{name}: was changed")
        data = {name for name in self.files if name.startswith(DATA)}
        need(data == self.manifest["files"].keys(), "not the data that are listed")
        need(self.manifest["form"] == "gecc-evidence 1", "a pack of another form")
        return f"{len(self.files)}"

    def signatures(self) -> str:
        period = "site={site} first={first} last={last}".format(**self.manifest)
        signed(self.files, SUMS, period)
        signed(self.files, MANIFEST, period)
        return self.files["minisign.pub"].decode().splitlines()[1]

    def seals(self) -> str:
        follows: dict[str, dict[str, str]] = {}
        for name in [n for n in self.files if n.endswith("/checkpoint.txt")]:
            head, *lines = self.files[name].decode().splitlines()
            c = dict(line.split(" ", 1) for line in lines)
            c["name"] = c["day"] + f".{c['amendment']}" * (c["amendment"] != "0")
            c["folder"], c["hash"] = f"{DATA[1]}{c['name']}/", sha256(self.files[name]).hexdigest()
            fits = head == "gecc-checkpoint 1" and c["site"] == self.manifest["site"]
            need(fits and name == c["folder"] + "checkpoint.txt", f"{name}: of another day or centre")
            need(c["previous"] not in follows, f"{name}: a fork of the chain")
            signed(self.files, name, f"site={c['site']} day={c['day']} amendment={c['amendment']}")
            follows[c["previous"]] = c
        before, last = "0" * 64, dict[str, int]()
        while before in follows:
            self.chain.append(c := follows.pop(before))
            need(int(c["amendment"]) == last.get(c["day"], -1) + 1, f"{c['name']}: an amendment is missing before it")
            before, last[c["day"]] = c["hash"], int(c["amendment"])
        need(not follows, "the chain of checkpoints has a hole")
        need(before == self.manifest["checkpoint"], "the chain of checkpoints ends elsewhere")
        days = sorted(date.fromisoformat(d).toordinal() for d in last)
        need(days == [*range(days[0], days[-1] + 1)], "a day is missing in the chain of checkpoints")
        period = range(*(date.fromisoformat(self.manifest[x]).toordinal() for x in ("first", "last")))
        unsealed = [str(date.fromordinal(d)) for d in (*period, period.stop) if d not in days and d > days[0]]
        need(unsealed == self.manifest["unsealed"], "days that are not sealed are not said")
        ends = (max(period.start - AROUND_DAYS, days[0]), min(period.stop + AROUND_DAYS, days[-1]))
        need(self.manifest["records"] == [str(date.fromordinal(d)) for d in ends], "records of other days")
        return f"{len(self.chain)}, {before}" + " PROVISIONAL / ชั่วคราว" * bool(unsealed)

    def records(self) -> str:
        leaves: dict[str, list[bytes]] = defaultdict(list)
        quoted = json.encoder.encode_basestring
        order = [(FIELDS.index(name), f'"{name}":', name in NUMBERS) for name in sorted(FIELDS)]
        for name in sorted(n for n in self.files if n.startswith(DATA[0]) and n.endswith(".csv")):
            rows = csv.reader(io.TextIOWrapper(io.BytesIO(self.files[name]), "utf-8-sig", newline=""), strict=True)
            need(next(rows) == ["seal", "local_time", *FIELDS], f"{name}: other columns")
            for seal, _, *values in rows:
                need(len(values) == len(FIELDS), f"{name}: a line of another length")
                told = [key + (values[i] if number else quoted(values[i])) for i, key, number in order if values[i]]
                leaves[seal].append(sha256(("\0{" + ",".join(told) + "}").encode()).digest())  # canonical JSON
                self.events.append(FIGURES.event(dict(zip(FIELDS, values, strict=True))))
        for c in self.chain:
            if self.manifest["records"][0] <= c["day"] <= self.manifest["records"][1]:
                of = leaves.pop(c["name"], [])
                need(len(of) == int(c["events"]), f"{c['name']}: another number of records")
                need(root(of).hex() == c["root"], f"{c['name']}: not the records that were sealed")
                for kind, name in KINDS.items():
                    fits = sha256(self.files[c["folder"] + name]).hexdigest() == c[kind]
                    need(fits, f"{c['name']}/{name}: was changed")
                self.settings = json.loads(self.files[c["folder"] + "settings.json"])
        need(not leaves, f"records that were never sealed: {sorted(leaves)[:3]}")
        cut_off = max((e.time for e in self.events), default=0)
        need(cut_off == self.manifest["cut_off_us"], "another cut-off")
        by_name = {c["name"]: c for c in self.chain}
        for seal, index, text, path in self.manifest["earlier"]:  # of conversations and cases that began before
            c = by_name[seal]
            need(proves(text.encode(), index, int(c["events"]), path, c["root"]), f"{seal}: a record has no proof")
            self.events.append(FIGURES.event({name: str(value) for name, value in json.loads(text).items()}))
        self.events.sort()
        return f"{len(self.events)}"

    def figures(self) -> str:
        centre = FIGURES.Centre(self.manifest, self.settings)
        counted = dict([*CALLS.figures(self.events, centre), *FIGURES.figures(self.events, centre)])
        for name in counted.keys() | self.manifest["summary"].keys():
            said, found = self.manifest["summary"].get(name), counted.get(name)
            need(said == found, f"{name}: the pack says {said}, its records give {found}")
        return f"{len(counted)}"

    def expected(self, told: list[str]) -> str:
        known = {
            self.code,
            self.hash,
            self.files["minisign.pub"].decode().splitlines()[1],
            *(c["hash"] for c in self.chain),
        }
        for one in told:
            need(one in known, f"{one}: not of this pack. It is another one, an older one, or a forged one")
        return f"{len(told)}" if told else "- (compare the code and the key with what you were told by another way)"


def root(level: list[bytes]) -> bytes:
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0] if level else sha256().digest()


def proves(record: bytes, index: int, size: int, path: list[str], expected: str) -> bool:
    """RFC 9162, 2.1.3.2: the path leads from the record to the root."""
    last, hash_, inside = size - 1, sha256(b"\0" + record).digest(), 0 <= index < size
    for sibling in map(bytes.fromhex, path):
        inside = inside and last > 0
        left = index % 2 == 1 or index == last
        hash_ = sha256(b"\1" + (sibling + hash_ if left else hash_ + sibling)).digest()
        while left and index and index % 2 == 0:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    return inside and last == 0 and hash_.hex() == expected


CHECKS = {
    "listed": "Files are those listed, unchanged / ไฟล์ครบตามบัญชีและไม่ถูกแก้ไข",
    "signatures": "Lists are signed by the key / บัญชีลงลายมือชื่อด้วยกุญแจ",
    "seals": "Seals follow each other without a hole / ตราผนึกรายวันต่อเนื่องไม่ขาดตอน",
    "records": "Records are those sealed / ระเบียนตรงกับที่ผนึกไว้",
    "figures": "Figures counted again are the same / ตัวชี้วัดที่นับใหม่ตรงกัน",
}


def verify(files: dict[str, bytes], told: list[str], say: Any = print) -> bool:
    """Whether everything of these files is right; one line a check is said."""
    title = "It is the pack / เป็นชุดหลักฐานชุดนี้"
    try:
        pack = Pack(files)
        for name, title in CHECKS.items():
            start = time.perf_counter()
            say(f"OK    {title}: {getattr(pack, name)()} ({time.perf_counter() - start:.1f} s)")
        title = "It is what you were told of / ตรงกับที่ได้รับแจ้ง"
        say(f"OK    {title}: {pack.expected(told)}")
        say(f"      check code / รหัสตรวจสอบ {pack.code}   manifest {pack.hash}")
    except Exception as problem:  # noqa: BLE001  whatever a forger thought of
        say(f"WRONG {title}: {type(problem).__name__}: {problem}")
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--expect", action="append", default=[], metavar="CODE")
    args = parser.parse_args()
    gc.disable()  # a million records are kept until the end
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        files = open_pack(args.pack)
    except Exception as problem:  # noqa: BLE001
        print(f"WRONG The pack can be read / เปิดอ่านชุดหลักฐานได้: {problem}")
        return 1
    return 0 if verify(files, args.expect) else 1


if __name__ == "__main__":
    sys.exit(main())
