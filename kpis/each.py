"""How work on several things is shared: by `map`, or by the map of a pool of threads that whoever calls hands in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

_A = TypeVar("_A")
_B = TypeVar("_B")


class Each(Protocol):
    """What `work` makes of each item, in their order."""

    def __call__(self, work: Callable[[_A], _B], items: Iterable[_A], /) -> Iterable[_B]: ...
