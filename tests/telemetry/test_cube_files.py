"""A cube on the disk: nothing of it is lost, any tool reads it, and what is no cube is said to be none."""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpis.cube import NOTHING, build, merge
from kpis.model import By, Facts
from telemetry.cube_files import CubeFileError, from_arrow, read, to_arrow, write
from tests.kpis.cells import UTC, cells, facts

NAMES = ["", "bangrak", "phuket", "idcard", "tax", "สมชาย"]
MORNING = 20_000 * 96 + 36
"""Nine o'clock of a day in 2024."""


def made(seed=1, n=300):
    dice = np.random.default_rng(seed)
    calls = facts(
        dice.integers(1, 3, n), dice.integers(3, 5, n), MORNING + dice.integers(0, 200, n),
        {"calls": dice.random(n) < 0.7, "talk_ms": dice.integers(0, 2**40, n), "drift_ms": dice.integers(-9, 9, n)},
        {"call_wait_s": dice.integers(-1, 40, n), "talk_s": dice.integers(-1, 9, n)},
    )  # fmt: skip
    agents = facts([1, 1], [5, 5], [MORNING, MORNING + 1], {"agent_calls": [True, False]}, by=By.AGENT)
    empty = facts([], [], [], {"cases": np.empty(0, bool)}, {"case_s": []}, by=By.SITE)
    return build({"calls": calls, "agents": agents, "cases": empty}, UTC)


def test_a_cube_comes_back_as_it_was(tmp_path):
    cube = made()
    write(cube, tmp_path / "day.parquet", NAMES)
    back = read(tmp_path / "day.parquet", NAMES.index)
    assert cells(back) == cells(cube)
    assert {f: (b.by, b.tallies.names, b.amounts.names, b.seconds.names) for f, b in back.blocks.items()} == {
        f: (b.by, b.tallies.names, b.amounts.names, b.seconds.names) for f, b in cube.blocks.items()
    }


def test_it_comes_back_under_the_codes_of_whoever_reads_it(tmp_path):
    write(made(), tmp_path / "day.parquet", NAMES)
    others = ["", *reversed(NAMES[1:])]
    back = read(tmp_path / "day.parquet", others.index)
    again = tmp_path / "again.parquet"
    write(back, again, others)
    assert cells(read(again, NAMES.index)) == cells(made())


def test_cubes_of_two_files_merge_to_the_whole(tmp_path):
    parts = [made(1), made(2)]
    for i, part in enumerate(parts):
        write(part, tmp_path / f"{i}.parquet", NAMES)
    assert cells(merge([read(tmp_path / f"{i}.parquet", NAMES.index) for i in range(2)])) == cells(merge(parts))


def test_the_same_cube_is_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(made(), tmp_path / name, NAMES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_cube_of_nothing_can_be_kept(tmp_path):
    write(NOTHING, tmp_path / "none.parquet", NAMES)
    assert len(read(tmp_path / "none.parquet", NAMES.index)) == 0


def test_other_tools_sum_the_same(tmp_path):
    cube, file = made(), tmp_path / "day.parquet"
    write(cube, file, NAMES)
    block = cube.blocks["calls"]
    here = block.site == 1
    calls, talk = int(block.measure("calls")[here].sum()), int(block.measure("talk_ms")[here].sum())
    assert duckdb.sql(
        f"SELECT sum(calls)::BIGINT, sum(talk_ms)::BIGINT FROM '{file}' WHERE family = 'calls' AND site = 'bangrak'"
    ).fetchall() == [(calls, talk)]
    frame = pl.read_parquet(file).filter(pl.col("site").cast(pl.String) == "bangrak")
    assert (frame["calls"].sum(), frame["talk_ms"].sum()) == (calls, talk)
    first = duckdb.sql(f"SELECT min(start)::VARCHAR FROM '{file}'").fetchall()
    assert first == [("2024-10-04 09:00:00",)]
    waits = duckdb.sql(f"SELECT sum(e.count)::BIGINT FROM (SELECT unnest(call_wait_s) AS e FROM '{file}')").fetchall()
    assert waits == [(int(block.seconds.count[block.seconds.which == 0].sum()),)]


def test_every_column_says_its_unit():
    schema = to_arrow(made(), NAMES).schema
    told = {field.name: (field.metadata or {}).get(b"unit") for field in schema}
    assert (told["talk_ms"], told["calls"], told["call_wait_s"]) == (b"milliseconds", b"count", b"contacts a second")
    assert all(field.metadata for field in schema)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda p: p.write_bytes(b""), "cannot be read as Parquet"),
        (lambda p: p.write_bytes(b"PAR1 nonsense PAR1"), "cannot be read as Parquet"),
        (lambda p: p.write_bytes(p.read_bytes()[:-100]), "cannot be read as Parquet"),
        (lambda p: p.unlink(), "cannot be read as Parquet"),
        (lambda p: pq.write_table(pa.table({"a": [1]}), p), "it is no cube"),
        (lambda p: pq.write_table(pq.read_table(p).drop_columns(["talk_ms"]), p), "it has no column talk_ms"),
        (
            lambda p: pq.write_table(pq.read_table(p).replace_schema_metadata({"gecc.cube": "9"}), p),
            "its version is 9, this program reads 1",
        ),
    ],
)
def test_what_is_no_cube_is_said_to_be_none(tmp_path, spoil, says):
    file = tmp_path / "day.parquet"
    write(made(), file, NAMES)
    spoil(file)
    with pytest.raises(CubeFileError, match=says) as told:
        read(file, NAMES.index)
    assert str(file) in str(told.value)


def test_a_name_that_is_not_known_is_told():
    with pytest.raises(CubeFileError, match="it names 'สมชาย', which is not known here"):
        from_arrow(to_arrow(made(), NAMES), lambda name: -1 if name == "สมชาย" else NAMES.index(name))


def test_facts_that_are_rows_of_nobody_have_an_empty_name():
    cube = build({"days": Facts(*(np.array([x]) for x in (1, 0, 0)), counts={"m": np.array([1])}, by=By.SITE)}, UTC)
    assert to_arrow(cube, NAMES)["unit"].to_pylist() == [""]
