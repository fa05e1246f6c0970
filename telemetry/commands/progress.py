"""How far a long command has come, on the terminal of whoever waits for it; nothing where nobody does."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm


class Progress:
    """A bar on stderr while it is a terminal and `enabled`."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._bar: tqdm[Any] | None = None
        self._enabled = enabled and sys.stderr.isatty()
        self._shown = 0.0

    def at(self, done: int, of: int, what: str) -> None:
        """So many are done; `of` is 0 where the end is not known."""
        if not self._enabled:
            return
        bar = self._bar or tqdm(total=of or None, file=sys.stderr, leave=False, dynamic_ncols=True)
        self._bar, bar.total, bar.n = bar, of or None, done
        now = time.monotonic()
        if now - self._shown > 0.1:
            self._shown = now
            bar.set_description_str(what, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()
