"""Checks an evidence pack with nothing but Python: python3 verify.py [PACK.zip or folder] [--key KEY] [--expect CODE ...]

It reads; it never writes or unpacks. Every byte, hash, seal and signature is checked, and the headline figures are counted
and judged again from the records and from what was sealed with each day. A forger with a key of his own can make a pack that
fits in itself. So --key takes the centre's key (its file minisign.pub, its line, id or fingerprint) and --expect what else
you were told by another way: check code or hash of the manifest from a printed page, hash of a checkpoint from a mail.

Exit code: 0 everything is right; 1 something is wrong, or is not what you were told; 2 a wrong argument.
"""

from __future__ import annotations

import argparse
import base64
import gc
import importlib.util
import json
import re
import sys
import time
from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

EARLIER = ("earlier", "told")  # records of conversations and cases that began before; of sources that are silent since
FORMS, SUMS, MANIFEST, DATA = (
    ("gecc-evidence 2", "gecc-centres 1"),
    "SHA256SUMS",
    "manifest.json",
    ("04_records/", "04_sealed/"),
)
COMMENT = "site={site} first={first} last={last}"
KINDS = {"file": "events.parquet", "contacts": "contacts.parquet", "gaps": "gaps.json", "settings": "settings.json"}


def beside(name: str) -> Any:
    """The other files of this program: of a pack that is only being checked, nothing is ever run."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.dont_write_bytecode = True  # a file more would be one too many in the pack
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


SIGNATURE, CALLS, FIGURES = beside("verify_signature"), beside("verify_calls"), beside("verify_figures")
ZIP, RECORDS, VERDICTS = beside("verify_zip"), beside("verify_records"), beside("verify_verdicts")
SEALS, CENTRES, WORDS = beside("verify_seals"), beside("verify_centres"), beside("verify_words")


class Wrong(Exception):  # noqa: N818
    """The pack is not what it says it is."""


def need(fine: object, otherwise: str) -> None:
    if not fine:
        raise Wrong(otherwise)


def signed(files: dict[str, bytes], name: str, comment: str) -> None:
    problem = SIGNATURE.problem(files["minisign.pub"], files[name], files[name + ".minisig"], comment)
    need(not problem, f"{name}.minisig: {problem}")


def open_pack(path: Path) -> dict[str, bytes]:
    """Name → content of a folder, or of a zip in its one form, which is signed as a whole."""
    if path.is_dir():
        return {x.relative_to(path).as_posix(): x.read_bytes() for x in path.rglob("*") if x.is_file()}
    files, message, signature = ZIP.members(path.read_bytes())
    comment = COMMENT.format(**json.loads(files[MANIFEST]))
    problem = SIGNATURE.problem(files["minisign.pub"], message, signature, comment)
    need(not problem, f"the signature over the whole file: {problem}")
    return dict(files)


class Pack:
    """What is read of a pack, check by check; each check says what it found or raises."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.chain, self.events = files, list[dict[str, str]](), list[Any]()
        self.told: dict[str, set[tuple[str, str]]] = defaultdict(set)  # day → which source told of what
        self.before: set[tuple[str, str]] = set()  # the same of earlier days
        self.settings: dict[str, dict[str, Any]] = {}  # day → what was declared for it
        self.ledgers: dict[str, list[dict[str, Any]]] = {}  # day → what is known to be missing of it
        self.manifest: dict[str, Any] = json.loads(files[MANIFEST])
        self.hash = self.sha256(MANIFEST)
        self.code = "-".join(re.findall("....", base64.b32encode(bytes.fromhex(self.hash)[:5]).decode()))

    def sha256(self, name: str) -> str:
        return sha256(self.files[name]).hexdigest()

    def listed(self) -> str:
        sums = {name: hash_ for hash_, name in (x.split("  ", 1) for x in self.files[SUMS].decode().splitlines())}
        different = sums.keys() ^ (self.files.keys() - {SUMS, SUMS + ".minisig"})
        need(not different, f"missing or added: {sorted(different)[:3]}")
        for name, hash_ in [*sums.items(), *self.manifest["files"].items()]:
            need(self.sha256(name) == hash_, f"{name}: was changed")
        data = self.manifest["files"].keys()
        need(data == {name for name in self.files if name.startswith(DATA)}, "not the data that are listed")
        need(self.manifest["form"] == FORMS["centres" in self.manifest], "a pack of another form")
        return f"{len(self.files)}"

    def signatures(self) -> str:
        signed(self.files, SUMS, COMMENT.format(**self.manifest))
        signed(self.files, MANIFEST, COMMENT.format(**self.manifest))
        self.key_line, self.key_id, self.fingerprint = SIGNATURE.key(self.files["minisign.pub"])
        return str(self.key_id)

    def seals(self) -> str:
        self.chain = SEALS.chain(self.files, self.manifest["site"], partial(signed, self.files))
        unsealed: bool = SEALS.covers(self.chain, self.manifest)
        return f"{len(self.chain)}, {self.chain[-1]['hash']}" + " PROVISIONAL / ชั่วคราว" * unsealed

    def records(self) -> str:
        leaves: dict[str, list[bytes]] = defaultdict(list)
        told: dict[tuple[str, str, str], list[int]] = defaultdict(partial(array, "q"))  # type: ignore[arg-type]
        by_hand, hand = list[dict[str, str]](), self.manifest["site"] + "/by-hand"
        for name in sorted(n for n in self.files if n.startswith(DATA[0]) and n.endswith(".csv")):
            for seal, leaf, values in RECORDS.rows(self.files[name]):
                leaves[seal].append(leaf)
                row = dict(zip(RECORDS.FIELDS, values, strict=True))
                self.events.append(FIGURES.event(row))
                if row["source"] == hand or row["type"] == "correction.voided":
                    by_hand.append(row)
                else:
                    told[seal[:10], row["source"], row["type"]].append(int(row["seq"]))
        for c in self.chain:
            if self.manifest["records"][0] <= c["day"] <= self.manifest["records"][1]:
                of = leaves.pop(c["name"], [])
                need(len(of) == int(c["events"]), f"{c['name']}: another number of records")
                need(RECORDS.root(of).hex() == c["root"], f"{c['name']}: not the records that were sealed")
                for kind, name in KINDS.items():
                    need(self.sha256(c["folder"] + name) == c[kind], f"{c['folder']}{name}: was changed")
                self.ledgers[c["day"]] = json.loads(self.files[c["folder"] + "gaps.json"])  # the newest knows most
                if c["amendment"] == "0":  # what is declared later was not in force
                    self.settings[c["day"]] = json.loads(self.files[c["folder"] + "settings.json"])
        need(not leaves, f"records that were never sealed: {sorted(leaves)[:3]}")
        rows = [row for ledger in self.ledgers.values() for row in ledger]
        need(not (wrong := SIGNATURE.of_corrections(self.files["minisign.pub"], by_hand, rows)), wrong)
        gone = FIGURES.voided(self.events)
        for (day, *pair), seqs in told.items():
            self.before.add((pair[0], pair[1]))
            if not gone.issuperset(seqs):
                self.told[day].add((pair[0], pair[1]))
        self.events = FIGURES.counting(self.events)
        times = [e.time for e in self.events]
        self.ends = min(times, default=0), max(times, default=0)
        need(self.ends[1] == self.manifest["cut_off_us"], "another cut-off")
        by_name, earlier = {c["name"]: c for c in self.chain}, list[Any]()
        for kind in EARLIER:
            for seal, index, text, path in self.manifest[kind]:
                c, row = by_name[seal], {name: str(value) for name, value in json.loads(text).items()}
                proved = RECORDS.proves(text.encode(), index, int(c["events"]), path, c["root"])
                need(proved, f"{seal}: a record has no proof")
                self.before |= {(row["source"], row["type"])} if row["source"] != hand else set()
                earlier += [FIGURES.event(row)] if kind == "earlier" else []
        self.events = sorted([*self.events, *FIGURES.counting(earlier)])
        return f"{len(self.events)}"

    def figures(self) -> str:
        centre = FIGURES.Centre(self.manifest["first"], self.manifest["last"], sorted(self.settings.items()))
        sources = VERDICTS.Sources(self.told, self.before, self.ledgers.values(), self.events, self.ends, centre)
        counted = dict([*CALLS.figures(self.events, centre), *FIGURES.figures(self.events, centre)])
        need(counted.keys() == self.manifest["summary"].keys(), "other figures than those that are counted again")
        for name, told in self.manifest["summary"].items():
            found = VERDICTS.judged(name, counted[name], sources, centre)
            for part in told.keys() | found.keys():
                said, is_ = told.get(part), found.get(part)
                need(said == is_, f"{name}, {part}: the pack says {said}, its records and seals give {is_}")
        if CENTRES.TABLE in self.files:
            self.table({self.manifest["site"]: self})
        return f"{len(counted)}"

    def centres(self) -> str:
        parts = {site: Pack(files) for site, files in sorted(CENTRES.parts(self.files).items())}
        for site, part in parts.items():
            CENTRES.check(site, part, self, WORDS.CHECKS)
            self.chain += part.chain
        need(parts.keys() == self.manifest["centres"].keys(), "other centres than are listed")
        self.table(parts)
        return ", ".join(parts)

    def table(self, parts: dict[str, Any]) -> None:
        different = CENTRES.difference(self.files[CENTRES.TABLE], parts)
        need(not different, f"{CENTRES.TABLE}: {different}")

    def expected(self, told: list[str], keys: list[str]) -> str:
        """That what somebody was told by another way is of this pack."""
        of_key = {self.key_line, self.key_id, self.fingerprint}
        for one in keys:
            need(one in of_key, f"{one}: not the key of this pack. It is of another centre, or forged")
        known = {self.code, self.hash, *of_key, *(c["hash"] for c in self.chain)}
        for one in told:
            need(one in known, f"{one}: not of this pack. It is another one, an older one, or a forged one")
        return ", ".join(keys + told)

    def to_compare(self) -> str:
        """What else somebody can have been told, by a printed page, a mail, or the centre."""
        newest = {c["site"]: f"\n        {c['site']} {c['name']} {c['hash']}" for c in self.chain}
        return f"""\
      check code, on every page / รหัสตรวจสอบท้ายทุกหน้า: {self.code}
      manifest, on every page / ค่าแฮชท้ายทุกหน้า: {self.hash}
      key / กุญแจ: {self.key_id} {self.key_line}
      fingerprint of the key / ลายนิ้วมือของกุญแจ: {self.fingerprint}
      newest checkpoint, as mailed / ตราผนึกล่าสุดที่ส่งทางอีเมล:{"".join(newest.values())}"""


def verify(files: dict[str, bytes], told: list[str], say: Any = print, keys: Sequence[str] = ()) -> bool:
    """Whether everything of these files is right; one line a check is said, and what is to be compared."""
    title = "It is a pack / เป็นชุดหลักฐาน"
    try:
        pack = Pack(files)
        for name, title in (WORDS.OF_CENTRES if "centres" in pack.manifest else WORDS.CHECKS).items():
            start = time.perf_counter()
            say(f"OK    {title}: {getattr(pack, name)()} ({time.perf_counter() - start:.1f} s)")
        say(pack.to_compare())
        title = "It is what you were told of / ตรงกับที่ได้รับแจ้ง"
        same = pack.expected(told, list(keys))
        say(f"OK    {title}: {same}" if same else WORDS.UNCOMPARED)
    except Exception as problem:  # noqa: BLE001  whatever a forger thought of
        say(f"WRONG {title}: {type(problem).__name__}: {problem}")
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", action="append", default=[], metavar="KEY")
    parser.add_argument("--expect", action="append", default=[], metavar="CODE")
    args = parser.parse_args()
    gc.disable()  # a million records are kept until the end
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        files = open_pack(args.pack)
    except Exception as problem:  # noqa: BLE001
        print(f"WRONG The pack can be read / เปิดอ่านชุดหลักฐานได้: {problem}")
        return 1
    return 0 if verify(files, args.expect, keys=[SIGNATURE.key_of(key) for key in args.key]) else 1


if __name__ == "__main__":
    sys.exit(main())
