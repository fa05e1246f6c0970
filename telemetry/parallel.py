"""Work shared among the processors by threads: NumPy lets go of the interpreter while it works."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")


def in_threads(work: Callable[[_A], _B], items: Iterable[_A]) -> Iterator[_B]:
    """`map`, with a few items ahead; what is not yet asked for is not yet made."""
    n = cpu_count() or 1
    with ThreadPoolExecutor(n) as pool:
        ahead: deque[Future[_B]] = deque()
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) > n + 1:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
