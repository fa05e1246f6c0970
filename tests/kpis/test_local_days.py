"""Places in tables and in sorted columns are the same ones, however far apart the keys lie."""

from __future__ import annotations

import numpy as np
import pytest

from kpis.local_days import distinct, place_of


@pytest.mark.parametrize("size", [8, 5_000, 10**12])
def test_the_place_of_a_key_is_that_among_the_different_ones(size):
    key = np.random.default_rng(1).integers(0, size, 50)
    known, place = np.unique(key, return_inverse=True)
    assert (distinct(key, size) == known).all()
    assert (place_of(key, known, size) == place).all()
