"""A pack of several centres: a row for each centre and KPI in one table, each of them found again from that centre's records."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import pytest

from telemetry.__main__ import main
from telemetry.archive.signing import Signer
from telemetry.archive.store import Store
from telemetry.evidence.checker import verify
from telemetry.evidence.counted import HEADLINE
from tests.archive.conftest import Room, at
from tests.evidence.conftest import CENTRE, said, some_days

SITES = ("centre-a", "centre-b", "centre-c")
CONFIG = 'data = "."\n' + "".join(f'[[sites]]\nid = "{site}"\nname_th = "ศูนย์ {site}"\n' for site in SITES)
SPAN = ("--from", "2026-03-02", "--to", "2026-03-05")


@pytest.fixture
def gecc(capsys):
    def run(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def filled(folder, sites=SITES, days=(2, 3, 4, 5, 6)):
    """Centres of one archive, each with more visits than the one before."""
    room = Room(folder)
    room.journal.ensure(sites)
    for n, site in enumerate(sites):
        one = SimpleNamespace(take=lambda events, site=site: room.take([moved(e, site) for e in events]))
        some_days(one, days=days, visits=4 + 2 * n)
    for n, site in enumerate(sites):
        room.seal(
            at(10),
            sites=(replace(CENTRE, id=site, name_th=f"ศูนย์ {site}", targets={"abandoned_call_rate": 0.1 * (n + 1)}),),
        )
    room.journal.close()
    return folder


def moved(event, site):
    return event._replace(site=site, source=event.source.replace("lab/", f"{site}/"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = filled(tmp_path_factory.mktemp("centres"))
    (folder / "gecc.toml").write_text(CONFIG, encoding="utf-8")
    return folder


def build(data, out, *more):
    return "evidence", "build", "--data", data, "--preset", "ministry", "--out", out, *SPAN, *more


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("packs") / "pack.zip"
    assert main([str(a) for a in build(data, out, "--json")]) == 0
    files = verify.open_pack(out)
    comment = "site=* first=2026-03-02 last=2026-03-04"
    room = SimpleNamespace(store=Store(data))
    return SimpleNamespace(path=out, files=files, room=room, data=SimpleNamespace(comment=comment))


def table(files):
    return list(csv.DictReader(io.StringIO(files["03_ministry.csv"].decode("utf-8-sig"), newline="")))


def test_it_has_one_row_a_centre_and_figure(whole):
    rows = table(whole.files)
    assert [(r["centre"], r["kpi"]) for r in rows] == [(site, name) for site in SITES for name in HEADLINE]
    offered = {r["centre"]: r["value"] for r in rows if r["kpi"] == "calls_offered"}
    assert offered == {"centre-a": "8", "centre-b": "12", "centre-c": "16"}
    assert [r["target"] for r in rows if r["kpi"] == "abandoned_call_rate"] == ["0.1", "0.2", "0.30000000000000004"]
    assert {r["name"] for r in rows} == {f"ศูนย์ {site}" for site in SITES}
    manifests = {site: sha256(whole.files[f"centres/{site}/manifest.json"]).hexdigest() for site in SITES}
    assert {r["centre"]: r["manifest_sha256"] for r in rows} == manifests


def test_the_workbook_has_the_same_rows_under_the_names_of_the_centres(whole):
    with zipfile.ZipFile(io.BytesIO(whole.files["03_tables.xlsx"])) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        words = book.read("xl/sharedStrings.xml").decode()
    assert sheet.count("<row ") == 1 + len(SITES) * len(HEADLINE)
    assert all(f"ศูนย์ {site}" in words for site in SITES)
    assert "ศูนย์ราชการสะดวก 3 แห่ง" in sheet


def test_both_checkers_accept_it_and_it_is_compared_like_any_other(gecc, data, whole):
    code, told, _ = gecc("evidence", "verify", whole.path, "--key", data / "archive" / "minisign.pub")
    assert (code, "WRONG" in told) == (0, False), told
    assert "centre-a, centre-b, centre-c" in told
    newest = [Store(data).days(site)[-1].checkpoint.hash for site in SITES]
    assert all(hash_ in told for hash_ in newest)
    for hash_ in newest:
        assert said(whole.files, hash_)[0]
    assert not said(whole.files, "0" * 64)[0]


def test_a_part_is_a_pack_of_its_own(whole):
    files = {
        name.removeprefix("centres/centre-b/"): c
        for name, c in whole.files.items()
        if name.startswith("centres/centre-b/")
    }
    assert said(files)[0]


def test_the_same_centres_in_another_order_give_the_same_bytes(gecc, data, whole, tmp_path):
    out = tmp_path / "again.zip"
    sites = [word for site in (*SITES[::-1], SITES[0]) for word in ("--site", site)]
    assert gecc(*build(data, out, *sites))[0] == 0
    assert out.read_bytes() == whole.path.read_bytes()


def test_two_of_three_and_one_alone(gecc, data, tmp_path):
    assert gecc(*build(data, tmp_path / "two.zip", "--site", "centre-a", "--site", "centre-c"))[0] == 0
    assert {r["centre"] for r in table(verify.open_pack(tmp_path / "two.zip"))} == {"centre-a", "centre-c"}
    assert gecc(*build(data, tmp_path / "one.zip", "--site", "centre-b"))[0] == 0
    one = verify.open_pack(tmp_path / "one.zip")
    assert {r["centre"] for r in table(one)} == {"centre-b"}
    assert "04_records/events-2026-03.csv" in one
    assert said(one)[0]
    ok, line = said(good_again(cell(one, "verdict", "not_met", 6), data))
    assert not ok
    assert "03_ministry.csv: centre-b, abandoned_call_rate, verdict" in line


def test_without_a_configuration_all_sealed_centres_are_meant(gecc, data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "gecc.toml").unlink()
    assert gecc(*build(tmp_path / "data", tmp_path / "pack.zip"))[0] == 0
    assert {r["centre"] for r in table(verify.open_pack(tmp_path / "pack.zip"))} == set(SITES)


def test_wrong_questions_name_every_centre_that_is_in_the_way(gecc, data, tmp_path):
    out = tmp_path / "pack.zip"
    for arguments, complaint in (
        (("--site", "centre-a", "--site", "nowhere"), "nowhere"),
        (("--preset", "full", "--site", "centre-a", "--site", "centre-b"), "expected one centre"),
        (("--preset", "full"), "expected one centre"),
    ):
        code, _, complained = gecc(*build(data, out, *arguments))
        assert (code, complaint in complained) == (2, True), complained
    code, _, complained = gecc(*build(data, out, "--from", "2026-03-04", "--to", "2026-03-09"))
    assert code == 2
    assert all(f"{site}" in complained or "not sealed yet" in complained for site in SITES)
    assert complained.count("not sealed yet: 2026-03-07") == 3
    assert not out.exists()
    code, told, _ = gecc(*build(data, out, "--from", "2026-03-04", "--to", "2026-03-09", "--provisional"))
    assert (code, "PROVISIONAL" in told) == (0, True)
    assert {r["provisional"] for r in table(verify.open_pack(out))} == {"true"}
    assert gecc("evidence", "verify", out)[0] == 0


# -- nothing of it can be another


def good_again(files, data, site=""):
    """The lists of the whole, and of one centre's part, made good by whoever holds the true key."""
    signer, files = Signer(data / "archive"), dict(files)
    for at_ in ([f"centres/{site}/"] if site else []) + [""]:
        if at_ == "" and site:
            manifest = json.loads(files["manifest.json"])
            manifest["centres"][site] = sha256(files[f"centres/{site}/manifest.json"]).hexdigest()
            files["manifest.json"] = json.dumps(manifest).encode()
        told = json.loads(files[at_ + "manifest.json"])
        comment = "site={site} first={first} last={last}".format(**told)
        files[at_ + "manifest.json.minisig"] = signer.sign(files[at_ + "manifest.json"], comment)
        mine = {
            n[len(at_) :]: c
            for n, c in files.items()
            if n.startswith(at_) and not n[len(at_) :].startswith("SHA256SUMS")
        }
        files[at_ + "SHA256SUMS"] = "".join(f"{sha256(c).hexdigest()}  {n}\n" for n, c in sorted(mine.items())).encode()
        files[at_ + "SHA256SUMS.minisig"] = signer.sign(files[at_ + "SHA256SUMS"], comment)
    return files


def test_what_is_signed_again_unchanged_is_accepted(data, whole):
    assert said(good_again(whole.files, data))[0]
    assert said(good_again(whole.files, data, "centre-b"))[0]


def cell(files, column, new, row=16):
    lines = files["03_ministry.csv"].split(b"\r\n")
    header = lines[0].decode("utf-8-sig").split(",")
    values = lines[row].decode().split(",")
    assert values[header.index(column)] != new
    values[header.index(column)] = new
    lines[row] = ",".join(values).encode()
    return {**files, "03_ministry.csv": b"\r\n".join(lines)}


TABLES = {
    **{column: (lambda f, column=column, new=new: cell(f, column, new, 21)) for column, new in {
        "value": "0.01", "numerator": "1", "n": "99", "ci_low": "0.2", "ci_high": "0.9", "target": "0.9", "verdict": "not_met",
        "coverage": "0.5", "provisional": "true", "manifest_sha256": "0" * 64, "from": "2026-03-01", "kpi": "other",
        "centre": "centre-a",
    }.items()},
    "a row less": lambda f: {**f, "03_ministry.csv": b"\r\n".join(f["03_ministry.csv"].split(b"\r\n")[:-2]) + b"\r\n"},
    "a row twice": lambda f: {**f, "03_ministry.csv": f["03_ministry.csv"] + f["03_ministry.csv"].split(b"\r\n")[-2] + b"\r\n"},
    "no table": lambda f: {n: c for n, c in f.items() if n != "03_ministry.csv"},
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_says_otherwise_is_refused_even_under_the_true_key(data, whole, what):
    ok, line = said(good_again(TABLES[what](whole.files), data))
    assert not ok
    assert "03_ministry.csv" in line


def test_a_centre_that_is_left_out_or_another_one_is_refused(data, whole):
    without = {n: c for n, c in whole.files.items() if not n.startswith("centres/centre-b/")}
    assert not said(good_again(without, data))[0]
    swapped = {n.replace("centre-a/", "centre-x/"): c for n, c in whole.files.items()}
    assert not said(good_again(swapped, data))[0]
    manifest = json.loads(whole.files["manifest.json"])
    del manifest["centres"]["centre-b"]
    assert not said(good_again({**without, "manifest.json": json.dumps(manifest).encode()}, data))[0], "its rows stay"


def test_a_figure_of_a_centre_that_is_another_is_refused_even_under_the_true_key(data, whole):
    name = "centres/centre-b/manifest.json"
    told = json.loads(whole.files[name])
    told["summary"]["abandoned_call_rate"]["verdict"] = "not_met"
    ok, line = said(good_again({**whole.files, name: json.dumps(told).encode()}, data, "centre-b"))
    assert not ok
    assert "centre-b: figures: abandoned_call_rate, verdict" in line


def test_random_changes_are_all_found(whole):
    dice, names = random.Random(6), sorted(whole.files)
    for _ in range(1500):
        name = dice.choice(names)
        content = bytearray(whole.files[name])
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        files = {**whole.files, name: bytes(content)}
        assert not said(files)[0], name
    assert said(whole.files)[0]


def test_its_zip_has_the_one_form_too(whole, tmp_path):
    good, dice = whole.path.read_bytes(), random.Random(7)
    for _ in range(300):
        i = dice.randrange(len(good))
        (tmp_path / "x.zip").write_bytes(good[:i] + bytes([good[i] ^ 1 << dice.randrange(8)]) + good[i + 1 :])
        with pytest.raises((ValueError, KeyError, verify.Wrong)):
            verify.open_pack(tmp_path / "x.zip")


def test_a_bare_python_accepts_it(whole, tmp_path):
    with zipfile.ZipFile(whole.path) as z:
        z.extractall(tmp_path)
    (top,) = tmp_path.iterdir()
    for argument in (str(whole.path), str(top)):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(top / "verify.py"), argument],
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
