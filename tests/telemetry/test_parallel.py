"""Work shared among threads is `map`: in order, and made when it is asked for."""

from __future__ import annotations

import pytest

from telemetry.parallel import in_threads


def test_results_come_in_the_order_of_the_items():
    assert list(in_threads(lambda x: x * x, range(100))) == [x * x for x in range(100)]
    assert list(in_threads(abs, [])) == []


def test_only_a_few_items_are_taken_ahead():
    taken = []

    def items():
        for i in range(1000):
            taken.append(i)
            yield i

    next(in_threads(abs, items()))
    assert len(taken) < 200


def test_a_failure_is_that_of_the_item():
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda x: 1 // x, [1, 0, 1]))
