"""`gecc evidence`: what is asked in words becomes a pack that checks out, or an error that says what to do."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import zipfile

import pytest

from telemetry.__main__ import main
from telemetry.evidence import fonts
from tests.archive.conftest import Room, at
from tests.evidence.conftest import CENTRE, some_days

CONFIG = """
data = "."
[[sites]]
id = "lab"
name_th = "ศูนย์"
"""
SPAN = ("--from", "2026-03-02", "--to", "2026-03-05")


@pytest.fixture
def gecc(capsys):
    def run(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    room = Room(folder)
    some_days(room)
    room.seal(at(10), sites=(CENTRE,))
    room.journal.close()
    (folder / "gecc.toml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def small(data, tmp_path_factory):
    """A pack with one sheet."""
    out = tmp_path_factory.mktemp("packs") / "pack.zip"
    assert main(["evidence", "build", "--data", str(data), "--site", "lab", *SPAN, "--out", str(out), "--preset", "criterion", "--item", "Q20.2", "--json"]) == 0  # fmt: skip
    return out


def build(data, out, *more):
    return "evidence", "build", "--data", data, "--site", "lab", "--out", out, *more


def test_a_whole_pack_is_built_and_both_checkers_accept_it(gecc, data, tmp_path):
    out = tmp_path / "pack.zip"
    code, said, _ = gecc(*build(data, out, *SPAN, "--json"))
    told = json.loads(said)
    assert (code, told["provisional"], len(told["documents"])) == (0, False, 37)
    code, said, _ = gecc("evidence", "verify", out, "--expect", told["check_code"], "--expect", told["manifest_sha256"], "--expect", told["checkpoint"])  # fmt: skip
    assert (code, said.count("OK  "), "WRONG" in said) == (0, 8, False), said
    assert all(told[name] in said for name in ("check_code", "manifest_sha256", "checkpoint"))
    code, said, _ = gecc("evidence", "verify", out, "--key", data / "archive" / "minisign.pub")
    assert (code, "ALONE" in said) == (0, False), said
    code, said, _ = gecc("evidence", "verify", out, "--key", "0123456789ABCDEF")
    assert (code, "not the key of this pack" in said) == (1, True)
    code, said, _ = gecc("evidence", "verify", out)
    assert (code, "ALONE" in said) == (0, True)
    with zipfile.ZipFile(out) as z:
        assert {name.split("/")[0] for name in z.namelist()} == {f"GECC_lab_2026-03-02_2026-03-04_{told['check_code']}"}


def test_one_item_alone(gecc, small):
    with zipfile.ZipFile(small) as z:
        names = {name.split("/", 1)[1] for name in z.namelist()}
    assert "02_criteria/Q20.2.pdf" in names
    assert sum(name.startswith("02_criteria") for name in names) == 1
    code, said, _ = gecc("evidence", "verify", small, "--json")
    assert (code, json.loads(said)["good"]) == (0, True)


@pytest.mark.parametrize("period", [("--fiscal-year", "2569"), ("--quarter", "2569/2"), ("--month", "2569-03"), ("--month", "2026-03")])  # fmt: skip
def test_periods_with_open_days_need_a_word_and_say_so(gecc, data, tmp_path, period):
    out = tmp_path / "pack.zip"
    code, said, complained = gecc(*build(data, out, *period, "--preset", "ministry"))
    assert code == 2
    assert "not sealed yet: 2026-03-07 to 2026-" in complained
    assert not out.exists()
    code, said, _ = gecc(*build(data, out, *period, "--preset", "ministry", "--provisional"))
    assert (code, "PROVISIONAL" in said) == (0, True)
    code, said, _ = gecc("evidence", "verify", out)
    assert (code, "PROVISIONAL" in said) == (0, True)


def test_the_last_ninety_days_of_a_centre_that_is_younger_need_no_word(gecc, data, tmp_path):
    out = tmp_path / "pack.zip"
    code, said, complained = gecc(*build(data, out, "--last-90-days", "--preset", "ministry"))
    assert (code, "PROVISIONAL" in said) == (0, False), complained
    code, said, _ = gecc("evidence", "verify", out)
    assert (code, "PROVISIONAL" in said) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give one period"),
        (("--month", "2569-03", "--fiscal-year", "2569"), "give one period"),
        (("--from", "2026-03-02"), "both are needed"),
        (("--fiscal-year", "2026"), "Buddhist Era such as 2569"),
        (("--from", "2024-01-01", "--to", "2024-02-01", "--provisional"), "none of the days"),
        ((*SPAN, "--preset", "criterion"), "expected an item that figures show"),
        ((*SPAN, "--preset", "criterion", "--item", "Q99"), "Q99"),
        ((*SPAN, "--item", "Q20.2"), "goes with --preset criterion"),
        ((*SPAN, "--criteria", "nowhere.csv"), "nowhere.csv: No such file"),
    ],
)
def test_wrong_arguments_are_explained_and_nothing_is_written(gecc, data, tmp_path, arguments, complaint):
    code, _, complained = gecc(*build(data, tmp_path / "pack.zip", *arguments))
    assert code == 2, complained
    assert complaint in complained
    assert list(tmp_path.iterdir()) == []


def test_a_surprise_check_is_of_the_last_90_days(gecc, data, tmp_path):
    code, said, _ = gecc(*build(data, tmp_path / "pack.zip", "--preset", "surprise-check", "--provisional", "--json"))
    told = json.loads(said)
    assert (code, told["first"], told["last"]) == (0, "2025-12-07", "2026-03-06")
    assert "01_surprise_check.pdf" in told["documents"]


def test_a_list_with_unknown_columns_or_figures_names_every_place(gecc, data, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("id,text_th,evidence,colour\nX1,ข้อความ,D,red\n", encoding="utf-8")
    code, _, complained = gecc(*build(data, tmp_path / "pack.zip", *SPAN, "--criteria", own))
    assert (code, "unknown column 'colour'" in complained) == (2, True)
    own.write_text("id,text_th,evidence,kpis\nX1,ข้อความ,D,no_such\nX2,ข้อความ,Z,\n", encoding="utf-8")
    code, _, complained = gecc(*build(data, tmp_path / "pack.zip", *SPAN, "--criteria", own))
    assert (code, "no KPI 'no_such'" in complained, "line 3" in complained) == (2, True, True)
    assert [p.name for p in tmp_path.iterdir()] == ["own.csv"]


def test_an_imported_list_has_its_own_sheets(gecc, data, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("id,text_th,evidence,kpis\nX1,ข้อความของเกณฑ์,D,abandoned_call_rate\nX2,เอกสาร,N,\n", encoding="utf-8")
    code, said, _ = gecc(*build(data, tmp_path / "pack.zip", *SPAN, "--criteria", own, "--lang", "en", "--json"))
    assert code == 0
    assert [name for name in json.loads(said)["documents"] if name.startswith("02")] == ["02_criteria/X1.pdf"]


def test_items_may_be_called_anything_and_the_pack_is_still_good(gecc, data, tmp_path):
    own, out = tmp_path / "own.csv", tmp_path / "pack.zip"
    own.write_text("id,text_th,evidence,kpis\n๑.๑,ข้อความ,D,calls_offered\n../../x,ข้อความ,D,votes\n", encoding="utf-8")
    code, said, complained = gecc(*build(data, out, *SPAN, "--criteria", own, "--json"))
    assert code == 0, complained
    sheets = [name for name in json.loads(said)["documents"] if name.startswith("02")]
    assert len(sheets) == 2
    assert all(name.startswith("02_criteria/item-") for name in sheets)
    assert gecc("evidence", "verify", out)[0] == 0


def test_a_missing_typeface_is_named_and_nothing_is_written(gecc, data, tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "FOLDER", tmp_path / "none")
    code, _, complained = gecc(*build(data, tmp_path / "pack.zip", *SPAN))
    assert (code, "Laksaman" in complained) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["events.parquet", "settings.json", "checkpoint.txt.minisig"])
def test_a_tampered_archive_is_named_and_nothing_is_written(gecc, data, tmp_path, name):
    shutil.copytree(data, tmp_path / "data")
    path = tmp_path / "data" / "archive" / "lab" / "2026" / "2026-03-03" / name
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    code, _, complained = gecc(*build(tmp_path / "data", tmp_path / "pack.zip", *SPAN))
    assert (code, "2026-03-03" in complained) == (1, True), complained
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_a_folder_that_cannot_be_written_to_is_an_error(gecc, data, tmp_path):
    code, _, complained = gecc(*build(data, tmp_path / "nowhere" / "pack.zip", *SPAN, "--preset", "ministry"))
    assert (code, "nowhere" in complained) == (1, True)


def test_a_full_disk_is_an_error_and_leaves_no_pack(data, tmp_path):
    limit = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); from telemetry.__main__ import main; sys.exit(main(sys.argv[1:]))"  # fmt: skip
    arguments = [str(a) for a in build(data, tmp_path / "pack.zip", *SPAN, "--preset", "ministry")]
    done = subprocess.run([sys.executable, "-c", limit, *arguments], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("point", ["before_pack", "after_pack"])
def test_killed_while_it_builds_there_is_no_pack_or_a_good_one(gecc, data, tmp_path, point):
    out = tmp_path / "pack.zip"
    arguments = [str(a) for a in build(data, out, *SPAN, "--preset", "ministry")]
    env = {**os.environ, "GECC_CRASHPOINT": f"{point}:1"}
    done = subprocess.run([sys.executable, "-m", "telemetry", *arguments], env=env, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert out.exists() == (point == "after_pack")
    if out.exists():
        assert gecc("evidence", "verify", out)[0] == 0


def test_a_changed_pack_is_refused(gecc, small, tmp_path):
    dice, good = random.Random(1), small.read_bytes()
    with zipfile.ZipFile(small) as z:
        files = {name: z.read(name) for name in z.namelist()}
    for name in dice.sample(sorted(files), 3):
        changed = tmp_path / "changed.zip"
        with zipfile.ZipFile(changed, "w") as z:
            for one, content in files.items():
                z.writestr(one, content[:-2] + b"??" if one == name else content)
        code, said, _ = gecc("evidence", "verify", changed)
        assert (code, "NOT good" in said) == (1, True), name
    changed.write_bytes(good[: len(good) // 2])
    assert gecc("evidence", "verify", changed)[0] == 1
    assert gecc("evidence", "verify", tmp_path / "nowhere.zip")[0] == 1
    code, said, _ = gecc("evidence", "verify", small, "--expect", "AAAA-AAAA")
    assert (code, "AAAA-AAAA: not of this pack" in said) == (1, True)


def test_the_lists_of_criteria_are_printed(gecc):
    code, said, _ = gecc("evidence", "criteria")
    assert (code, len(said.splitlines())) == (0, 71)
    code, said, _ = gecc("evidence", "criteria", "--standard", "opdc-2559", "--json")
    rows = json.loads(said)
    assert (code, len(rows)) == (0, 24)
    assert {"id", "text_th", "kpis", "shown"} <= rows[0].keys()


def test_the_command_says_what_it_takes(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["evidence", "build", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("--fiscal-year", "--provisional", "--preset", "surprise-check", "--criteria"))
