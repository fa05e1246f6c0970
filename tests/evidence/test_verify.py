"""The checker that lies in a pack: the true one is accepted, everything else is not."""

from __future__ import annotations

import json
import random
import secrets
import shutil
import subprocess
import zipfile
from datetime import date
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from telemetry.archive.signing import Signer, public_text
from telemetry.archive.store import CHECKPOINT, SIGNATURE
from telemetry.evidence import pack
from telemetry.evidence.checker import verify, verify_signature
from tests.archive.conftest import DAY_US, Room, at
from tests.evidence.conftest import CENTRE, made, matter, resigned, said, some_days, zipped
from tests.servers import need

CSV = "04_records/events-2026-03.csv"
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or "python3"


def test_the_true_pack_is_accepted_and_its_figures_are_some(packed):
    lines = []
    assert verify.verify(packed.files, [packed.data.code, packed.data.hash], lines.append), lines
    assert [line[:5] for line in lines] == ["OK   "] * 5 + ["     ", "OK   "]
    judged = json.loads(packed.files["manifest.json"])["summary"]
    summary = {name: row["counted"] for name, row in judged.items()}
    assert summary["tickets_issued"] == [19, 19, 19]
    assert summary["calls_offered"] == [12, 12, 12]
    assert summary["abandoned_call_rate"] == [2 / 12, 2, 12]
    assert all(n > 0 for _, _, n in summary.values()), summary
    assert judged["abandoned_call_rate"]["targets"] == [[0.05, None, ""]]
    assert {row["verdict"] for row in judged.values()} == {None, "met", "not_met"}
    assert judged["satisfaction_rate"]["coverage"] == 1


# -- Ed25519


def test_signatures_are_told_from_others_as_a_library_tells_them():
    dice = random.Random(25519)
    for _ in range(60):
        key = Ed25519PrivateKey.generate()
        public, message = key.public_key().public_bytes_raw(), secrets.token_bytes(dice.randrange(100))
        good = key.sign(message)
        assert verify_signature.fits(public, message, good)
        for changed in (_flipped(dice, good), _flipped(dice, good), good[:63], good + b"\0", good[32:] + good[:32]):
            assert not verify_signature.fits(public, message, changed)
        assert not verify_signature.fits(public, message + b"\0", good)
        assert not verify_signature.fits(_flipped(dice, public), message, good)
        other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert not verify_signature.fits(other, message, good)


def test_a_signature_has_one_form_only():
    key = Ed25519PrivateKey.generate()
    public, good = key.public_key().public_bytes_raw(), key.sign(b"m")
    s = int.from_bytes(good[32:], "little")
    again = good[:32] + (s + verify_signature.L).to_bytes(32, "little")
    assert verify_signature.fits(public, b"m", good)
    assert not verify_signature.fits(public, b"m", again)


def test_random_and_odd_points_are_judged_as_a_library_judges_them():
    dice, p = random.Random(8032), verify_signature.P
    odd = [0, 1, 2, p - 1, p - 2, 2**254, (4 * pow(5, -1, p)) % p]
    keys = [y.to_bytes(32, "little") for y in odd] + [
        dice.randbytes(31) + bytes([dice.randrange(128)]) for _ in range(60)
    ]
    for public in keys:
        for signature in (public + bytes(32), bytes([1]) + bytes(63), dice.randbytes(63) + b"\0"):
            assert verify_signature.fits(public, b"x", signature) == _by_library(public, b"x", signature), (
                public,
                signature,
            )


def test_points_that_are_not_in_their_one_form_are_none():
    p = verify_signature.P
    for y in (p, p + 1, 2**255 - 1):
        assert verify_signature.point(y.to_bytes(32, "little")) is None
    minus_zero = bytearray((1).to_bytes(32, "little"))
    minus_zero[31] |= 0x80
    assert verify_signature.point(bytes(minus_zero)) is None
    assert verify_signature.point(b"") is None


def test_test_vectors_of_the_standard():
    vectors = (
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "", "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72", "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82", "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    )  # fmt: skip
    for public, message, signature in vectors:
        assert verify_signature.fits(*map(bytes.fromhex, (public, message, signature)))


def _by_library(public, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _flipped(dice, data):
    i = dice.randrange(len(data))
    return data[:i] + bytes([data[i] ^ 1 << dice.randrange(8)]) + data[i + 1 :]


# -- whatever is done to a pack


def spoilt(dice, files):
    """The files after one change; what it was."""
    out, names = dict(files), sorted(files)
    name, other = dice.sample(names, 2)
    content = files[name]
    way = dice.choice(
        ("flip", "flip", "flip", "byte", "cut", "drop", "swap", "add", "line", "lines", "longer", "rename")
    )
    if way == "flip":
        out[name] = _flipped(dice, content)
    elif way == "byte":
        i = dice.randrange(len(content))
        out[name] = content[:i] + bytes([dice.randrange(256)]) + content[i + 1 :]
    elif way == "cut":
        out[name] = content[: dice.randrange(len(content))]
    elif way == "drop":
        del out[name]
    elif way == "swap":
        out[name], out[other] = files[other], content
    elif way == "add":
        out[f"{name}.{dice.randrange(9)}"] = content
    elif way == "longer":
        out[name] = content + dice.choice((b"\n", b"\0", content[-1:]))
    elif way == "rename":
        out[dice.choice(("../", "./", "x/")) + name] = out.pop(name)
    else:
        lines = content.split(b"\n")
        i, j = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[i], lines[j] = lines[j], lines[i] if way == "lines" else lines[j]
        out[name] = b"\n".join(lines)
    return out, f"{way} {name}"


def test_ten_thousand_changes_are_all_found(packed):
    dice, made_ = random.Random(10_000), 0
    while made_ < 10_000:
        files, what = spoilt(dice, packed.files)
        if files != packed.files:
            made_ += 1
            assert not said(files)[0], what


def test_changes_whose_hashes_were_made_good_are_found_by_the_signature(packed, tmp_path):
    dice, manifest = random.Random(3), json.loads(packed.files["manifest.json"])
    thief = Signer(tmp_path)
    for _ in range(40):
        files, what = spoilt(dice, packed.files)
        if files.keys() != packed.files.keys() or not all(name in files for name in packed.files):
            continue
        good = resigned(files, manifest, thief)
        ok, line = said(good)
        assert not ok, what
        assert "another key" in line or "not in the form" in line or "its one form" in line or "fit" in line, line


def changed(files, name, old, new):
    assert old in files[name]
    return {**files, name: files[name].replace(old, new, 1)}


def lines_of(files, order):
    head, *lines = files[CSV].splitlines(keepends=True)
    return {**files, CSV: b"".join([head, *(lines[i] for i in order(len(lines)))])}


RECORDS = {
    "a changed record": lambda f: changed(f, CSV, b"call.abandoned", b"call.completed"),
    "a dropped record": lambda f: lines_of(f, lambda n: range(1, n)),
    "a cut tail": lambda f: lines_of(f, lambda n: range(n - 1)),
    "two records swapped": lambda f: lines_of(f, lambda n: [1, 0, *range(2, n)]),
    "a record twice": lambda f: lines_of(f, lambda n: [0, *range(n)]),
    "a record of a seal that never was": lambda f: changed(f, CSV, b'"2026-03-02",', b'"2026-03-22",'),
    "a record under another day": lambda f: changed(f, CSV, b'"2026-03-02",', b'"2026-03-03",'),
    "no records": lambda f: {name: c for name, c in f.items() if name != CSV},
    "other columns": lambda f: changed(f, CSV, b"local_time", b"time"),
    "a changed ledger of gaps": lambda f: {**f, "04_sealed/2026-03-03/gaps.json": b'[{"kind":"late"}]'},
    "changed settings": lambda f: changed(f, "04_sealed/2026-03-06/settings.json", b'"ring_cycle_s":5', b'"ring_cycle_s":9'),
    "changed contacts": lambda f: {**f, "04_sealed/2026-03-03/contacts.parquet": b""},
    "another Parquet file": lambda f: {**f, "04_sealed/2026-03-03/events.parquet": f["04_sealed/2026-03-02/events.parquet"]},
    "a missing amendment": lambda f: {n: c for n, c in f.items() if "2026-03-03.1" not in n},
    "a missing day": lambda f: {n: c for n, c in f.items() if "2026-03-04/" not in n},
    "a missing first day": lambda f: {n: c for n, c in f.items() if "2026-03-02/" not in n},
}  # fmt: skip


@pytest.mark.parametrize("what", RECORDS)
def test_what_was_never_sealed_is_refused_even_under_the_true_key(packed, what):
    manifest = json.loads(packed.files["manifest.json"])
    ok, line = said(resigned(RECORDS[what](packed.files), manifest, Signer(packed.room.store.folder)))
    assert not ok
    assert line.startswith(("WRONG Records", "WRONG Seals")), line


MANIFESTS = {
    "a better figure": {"abandoned_call_rate": {"counted": [0.0, 0, 18]}},
    "a narrower interval": {"abandoned_call_rate": {"interval": [0.16, 0.17]}},
    "an easier target": {"abandoned_call_rate": {"targets": [[0.5, None, ""]]}},
    "an easier target for a while": {
        "abandoned_call_rate": {"targets": [[0.05, None, ""], [0.5, "2026-03-03", "order 1"]]}
    },
    "no target": {"abandoned_call_rate": {"targets": [[None, None, ""]]}},
    "a better verdict": {"abandoned_call_rate": {"verdict": "met"}},
    "no verdict": {"abandoned_call_rate": {"verdict": None}},
    "data that do not suffice": {"abandoned_call_rate": {"verdict": "insufficient_data"}},
    "a verdict where there is no target": {"service_level_rate": {"verdict": "met"}},
    "less coverage": {"satisfaction_rate": {"coverage": 0.5, "verdict": "insufficient_data"}},
    "coverage that is not known": {"satisfaction_rate": {"coverage": None}},
    "a target and what follows from it": {"abandoned_call_rate": {"targets": [[0.5, None, ""]], "verdict": "met"}},
    "a part more": {"abandoned_call_rate": {"remark": "good"}},
    "a figure more": {"happiness_rate": {"counted": [1.0, 1, 1]}},
    "a source of earlier days": {"told": [["2026-03-02", 0, '{"source":"lab/x","type":"vote.cast"}', []]]},
    "another period": {"last": "2026-03-03"},
    "a longer period": {"last": "2026-03-16"},
    "another centre": {"site": "other"},
    "records of fewer days": {"records": ["2026-03-02", "2026-03-05"]},
    "another end of the chain": {"checkpoint": "0" * 64},
    "another cut-off": {"cut_off_us": 1},
    "days said to be unsealed": {"unsealed": ["2026-03-03"]},
    "a proof of nothing": {"earlier": [["2026-03-02", 0, '{"a":1}', []]]},
    "another form": {"form": "gecc-evidence 0"},
}


def altered(manifest, change):
    """The manifest with parts of it, or of its figures, as another would have them."""
    figures = {
        name: {**manifest["summary"].get(name, {}), **of} for name, of in change.items() if name.endswith("_rate")
    }
    rest = {name: value for name, value in change.items() if name not in figures}
    return {**manifest, **rest, "summary": {**manifest["summary"], **figures}}


@pytest.mark.parametrize("what", MANIFESTS)
def test_a_manifest_that_says_otherwise_is_refused_even_under_the_true_key(packed, what):
    manifest = json.loads(packed.files["manifest.json"])
    files = resigned(packed.files, altered(manifest, MANIFESTS[what]), Signer(packed.room.store.folder))
    ok, line = said(files)
    assert not ok
    assert not line.startswith("WRONG Lists"), line


@pytest.mark.parametrize("what", MANIFESTS)
def test_and_under_the_key_of_a_forger_of_the_whole_pack(packed, what, tmp_path):
    ok, line = said(forged(packed, tmp_path, MANIFESTS[what]))
    assert not ok
    assert not line.startswith("WRONG Lists"), line


def test_figures_cannot_be_left_out(packed):
    manifest = json.loads(packed.files["manifest.json"])
    del manifest["summary"]["abandoned_call_rate"]
    assert not said(resigned(packed.files, manifest, Signer(packed.room.store.folder)))[0]


def test_what_is_unchanged_and_signed_again_is_accepted(packed):
    manifest = json.loads(packed.files["manifest.json"])
    assert said(resigned(packed.files, manifest, Signer(packed.room.store.folder)))[0]


# -- what only somebody can tell who was told by another way


def forged(packed, folder, change=()):
    """The whole pack by another key: every signature and the key itself are the forger's."""
    thief, files = Signer(folder), dict(packed.files)
    files["minisign.pub"] = public_text(thief.public, thief.key_id)
    for one in packed.found.chain:
        at_ = f"04_sealed/{one.folder.name}/"
        files[at_ + SIGNATURE] = thief.sign(files[at_ + CHECKPOINT], one.checkpoint.comment)
    return resigned(files, altered(json.loads(files["manifest.json"]), dict(change)), thief)


def test_a_chain_forged_as_a_whole_is_told_by_the_key_or_the_code(packed, tmp_path):
    files = forged(packed, tmp_path)
    assert said(files)[0]
    key = packed.files["minisign.pub"].decode().splitlines()[1]
    for told in (key, packed.data.code, packed.data.hash):
        assert said(packed.files, told)[0]
        ok, line = said(files, told)
        assert not ok
        assert "forged" in line


def test_the_key_is_told_apart_by_its_line_its_id_or_its_fingerprint(packed, tmp_path):
    signer, lines = Signer(packed.room.store.folder), []
    (tmp_path / "centre.pub").write_bytes(packed.files["minisign.pub"])
    id_, print_ = signer.key_id[::-1].hex(), sha256(signer.public).hexdigest()
    told = [str(tmp_path / "centre.pub"), id_, print_, " ".join(print_[i : i + 4] for i in range(0, 64, 4)).upper()]
    keys = [verify_signature.key_of(one) for one in told]
    assert verify.verify(packed.files, [], lines.append, keys)
    assert lines[-1].startswith("OK")
    for word in (id_.upper(), print_, packed.data.code, packed.data.hash, packed.found.chain[-1].checkpoint.hash):
        assert word in lines[-2]
    thief = forged(packed, tmp_path / "thief")
    for key in keys:
        assert not verify.verify(thief, [], lines.append, [key])
        assert "not the key of this pack" in lines[-1]
    assert not verify.verify(packed.files, [], lines.append, [packed.data.code]), "a code is no key"


def test_a_pack_that_nobody_compared_says_so(packed, tmp_path):
    for files in (packed.files, forged(packed, tmp_path)):
        ok, line = said(files)
        assert ok
        assert line.startswith("ALONE")


def checkpoint_of(files, which, **new):
    """A checkpoint of the pack with other lines."""
    lines = files[f"04_sealed/{which}/{CHECKPOINT}"].decode().splitlines()
    told = [f"{line.split(' ')[0]} {new.get(line.split(' ')[0], line.split(' ', 1)[1])}" for line in lines]
    return "".join(f"{line}\n" for line in told).encode()


CHAINS = {
    "a forged root": ("2026-03-03", {"root": "0" * 64}, "2026-03-03"),
    "fewer events": ("2026-03-06", {"events": "1"}, "2026-03-06"),
    "other settings": ("2026-03-06", {"settings": "0" * 64}, "2026-03-06"),
    "a fork": ("2026-03-04", {"day": "2026-03-20"}, "2026-03-20"),
    "a chain of its own": ("2026-03-04", {"day": "2026-03-07", "previous": "0" * 64}, "2026-03-07"),
    "a day before all": ("2026-03-02", {"day": "2026-03-01", "previous": "f" * 64}, "2026-03-01"),
    "an amendment of nothing": ("2026-03-06", {"day": "2026-03-07", "amendment": "1"}, "2026-03-07.1"),
    "another centre": ("2026-03-06", {"site": "other"}, "2026-03-06"),
}


@pytest.mark.parametrize("what", CHAINS)
@pytest.mark.parametrize("whose", ["the true key", "another key"])
def test_a_forged_checkpoint_is_refused_even_under_the_true_key(packed, tmp_path, what, whose):
    day, new, folder = CHAINS[what]
    owner = Signer(packed.room.store.folder)
    signer = owner if whose == "the true key" else Signer(tmp_path)
    text, told = checkpoint_of(packed.files, day, **new), {"site": "lab", "day": day, "amendment": "0", **new}
    comment = "site={site} day={day} amendment={amendment}".format(**told)
    at_ = f"04_sealed/{folder}/"
    files = {**packed.files, at_ + CHECKPOINT: text, at_ + SIGNATURE: signer.sign(text, comment)}
    ok, line = said(resigned(files, json.loads(files["manifest.json"]), owner))
    assert not ok
    assert line.startswith(("WRONG Seals", "WRONG Records")), line


def test_the_last_day_cannot_be_cut_off_even_under_the_true_key(packed):
    """But a pack whose manifest ends there as well is an older one: only who was told of a later checkpoint knows."""
    files = {name: c for name, c in packed.files.items() if "2026-03-03.1/" not in name}
    ok, line = said(resigned(files, json.loads(files["manifest.json"]), Signer(packed.room.store.folder)))
    assert not ok
    assert "ends elsewhere" in line


def test_an_older_pack_is_told_by_the_newest_checkpoint(centre, packed, tmp_path):
    newest = packed.found.chain[-1].checkpoint.hash
    room = Room(tmp_path / "data")
    shutil.copytree(centre.store.folder, room.store.folder)
    shutil.rmtree(next(room.store.folder.glob("lab/2026/2026-03-03.1")))
    old = made(room, tmp_path)
    assert said(old.files)[0]
    assert said(packed.files, newest)[0]
    assert not said(old.files, newest)[0]
    assert said(packed.files, packed.found.chain[0].checkpoint.hash, newest)[0]
    room.journal.close()


# -- conversations and cases that began long before


def later(events, days):
    return [e._replace(time_us=e.time_us + days * DAY_US, id=f"{e.id}-later") for e in events]


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    room = Room(tmp_path_factory.mktemp("long") / "data")
    for name in ("a", "b", "c"):
        room.take(matter("conversation", 2, f"old-{name}", (0, "opened", 0), (1, "replied", 0)))
    some_days(room, days=(2, 3))
    room.take(later(matter("conversation", 12, "old-a", (0, "message", 0)), 28)[:1])
    room.take(later(matter("conversation", 13, "new", (0, "opened", 0), (0.1, "replied", 0)), 28))
    room.seal(at(20) + 28 * DAY_US, sites=(CENTRE,))
    yield room
    room.journal.close()


def test_what_began_before_the_records_is_proved_and_not_counted_as_new(long, tmp_path):
    one = made(long, tmp_path, date(2026, 4, 8), date(2026, 4, 10))
    manifest = json.loads(one.files["manifest.json"])
    assert manifest["records"][0] == "2026-03-07"
    assert [json.loads(text)["type"] for _, _, text, _ in manifest["earlier"]] == [
        "conversation.opened",
        "conversation.replied",
    ]
    assert said(one.files)[0]
    assert manifest["summary"]["reply_within_target_rate"]["counted"][2] == 1
    signer = Signer(long.store.folder)
    for i, change in (
        (2, lambda text: text.replace('"a":0', '"a":1')),
        (1, lambda n: n + 1),
        (3, lambda path: path[1:]),
    ):
        rows = json.loads(json.dumps(manifest["earlier"]))
        rows[0][i] = change(rows[0][i])
        ok, line = said(resigned(one.files, {**manifest, "earlier": rows}, signer))
        assert not ok, i
        assert "no proof" in line
    ok, line = said(resigned(one.files, {**manifest, "earlier": []}, signer))
    assert not ok
    assert "reply_within_target_rate" in line


# -- as an auditor runs it


def run(*arguments, cwd=None, **env):
    return subprocess.run(
        [PYTHON, "-I", "-S", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, encoding="utf-8", env={"PATH": "/usr/bin", **env}
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(packed, tmp_path_factory):
    where = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(packed.path) as z:
        z.extractall(where)
    return where / "GECC"


def test_a_bare_python_accepts_the_folder_and_the_zip_and_leaves_nothing_behind(packed, folder):
    before = sorted(p.name for p in folder.rglob("*"))
    for arguments in ([folder / "verify.py"], [folder / "verify.py", packed.path], ["verify.py", "."]):
        done = run(*arguments, cwd=folder)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert (done.stdout.count("OK "), done.stdout.count("ALONE ")) == (5, 1)
    assert sorted(p.name for p in folder.rglob("*")) == before


def test_the_tools_of_others_accept_it_too(folder):
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder).returncode == 0
    minisign = need("minisign")
    for name in ("manifest.json", "SHA256SUMS", "04_sealed/2026-03-03.1/checkpoint.txt"):
        done = subprocess.run(
            [minisign, "-V", "-p", "minisign.pub", "-m", name], cwd=folder, capture_output=True, text=True
        )
        assert "Signature and comment signature verified" in done.stdout, done.stderr


def test_it_says_so_on_a_terminal_without_thai(folder):
    done = run(folder / "verify.py", LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0
    assert done.stdout.isascii() or "ตรา" in done.stdout


def test_the_script_refuses_what_its_functions_refuse(packed, folder, tmp_path):
    dice = random.Random(30)
    for n in range(24):
        files, what = spoilt(dice, packed.files)
        path = tmp_path / f"{n}.zip"
        path.write_bytes(zipped(packed, files))
        done = run(folder / "verify.py", path)
        assert (done.returncode, "WRONG" in done.stdout) == (int(files != packed.files), files != packed.files), what
        assert done.stderr == ""
        path.unlink()
    assert run(folder / "verify.py", packed.path, "--expect", "AAAA-AAAA").returncode == 1


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "GECC/../../evil", "other/file", "evil"])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(packed, folder, tmp_path, name):
    path = tmp_path / "slip.zip"
    shutil.copy(packed.path, path)
    with zipfile.ZipFile(path, "a") as z:
        z.writestr(name, b"x")
    done = run(folder / "verify.py", path, cwd=tmp_path)
    assert done.returncode == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["slip.zip"]


def test_each_part_is_short_enough_to_be_read_and_needs_nothing_but_python(packed):
    assert set(pack.CHECKER) == {name for name in packed.files if name.endswith(".py")}
    for name in pack.CHECKER:
        source = packed.files[name].decode()
        assert len(source.splitlines()) < 250
        assert not any(
            word in source for word in ("import telemetry", "from telemetry", "import kpis", "from kpis", "numpy")
        )
