"""A small run of the fuzzing of every format (`make fuzz` is the large one)."""

from __future__ import annotations

import pytest

from collectors.formats import FORMATS
from tests.fuzz.formats import chunk

RECORDS = 2000


@pytest.mark.parametrize("format_", FORMATS)
def test_spoilt_records_of_a_format_become_events_and_rejects_and_nothing_else(format_):
    counts, failures = chunk(format_, seed=1, number=0, size=RECORDS)
    assert not failures, failures[0]
    assert counts["records"] == RECORDS
    assert counts["events"]
    assert any(what.startswith("rejected ") for what in counts)


def test_the_same_seed_makes_the_same_records():
    assert chunk("cucm_cdr", seed=1, number=3, size=400) == chunk("cucm_cdr", seed=1, number=3, size=400)
