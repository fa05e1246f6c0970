"""What a centre declares is looked up as it was in force when a contact arrived."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.columns import MISSING
from kpis.declared import ALWAYS, Told, place, steps


def test_a_number_is_in_force_from_its_instant_until_the_next():
    table = steps([(1, ALWAYS, 20), (1, 100, 15), (2, 50, 7)])
    key = np.array([1, 1, 1, 2, 2, 3])
    assert table.at(key, np.array([99, 100, 500, 49, 50, 0])).tolist() == [20, 15, 15, MISSING, 7, MISSING]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 9))),
    st.lists(st.tuples(st.integers(0, 4), st.integers(-5, 25))),
)
def test_the_last_that_began_counts(rows, asked):
    want = []
    for key, t in asked:
        begun = [(from_us, i, value) for i, (k, from_us, value) in enumerate(rows) if k == key and from_us <= t]
        want.append(max(begun)[2] if begun else MISSING)
    keys, times = (np.array([x[i] for x in asked], np.int64) for i in (0, 1))
    assert steps(rows).at(keys, times).tolist() == want


def test_units_of_a_site_have_keys_of_their_own():
    assert place(np.array([1, 1, 2]), np.array([2, 3, 2])).tolist() == [1 << 32 | 2, 1 << 32 | 3, 2 << 32 | 2]


def test_a_table_by_site_says_its_number_for_every_row():
    told = Told(np.array([5, 3, 5]))
    assert told({3: 30, 5: 50}).tolist() == [50, 30, 50]
    assert told({3: 30}, 0).tolist() == [0, 30, 0]
    with pytest.raises(KeyError):
        told({3: 30})
