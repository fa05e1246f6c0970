"""From the stints of a call to what the call was: its wait, its rings, its talk, its end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kpis.calls.stints import ANSWERED, Stints
from kpis.columns import I64, MISSING, Bool, rows_where

_Rows = npt.NDArray[np.intp]


class Chain:
    """The stints of each call one after another. Most calls have one, so sums start there and the others are added."""

    def __init__(self, s: Stints) -> None:
        n = len(s.call)
        self.s, self.n = s, n
        if n == len(s.of):
            self.first = self.last = np.arange(n)
            self.more = np.empty(0, np.intp)
        else:
            begins = np.ones(len(s.of), np.bool_)
            begins[1:] = s.of[1:] != s.of[:-1]
            self.first, self.more = rows_where(begins), rows_where(~begins)
            self.last = np.append(self.first[1:], len(s.of)) - 1
        self.of_more = s.of[self.more]
        self.first_answer = self.first_where(s.answered)
        """Stint that a person answered first; the number of stints where none did."""
        until = self.more <= self.first_answer[self.of_more]
        self.until = self.more[until]
        """Further stints up to the first answer, or all where nobody answered."""

    def total(self, values: I64 | Bool, more: _Rows | None = None) -> I64:
        """Sum over the stints of each call; of the further stints over those in `more` only."""
        more = self.more if more is None else more
        out = values[self.first].astype(np.int64)
        if len(more):
            np.add.at(out, self.s.of[more], values[more])
        return out

    def any(self, mask: Bool) -> Bool:
        """Whether it holds for any stint of each call."""
        out = mask[self.first]
        if len(self.more):
            out[self.of_more[mask[self.more]]] = True
        return out

    def first_where(self, mask: Bool) -> _Rows:
        """The first stint of each call that it holds for; the number of stints where there is none."""
        none = len(mask)
        out = np.where(mask[self.first], self.first, none)
        rows = self.more[mask[self.more]]
        rows = rows[out[self.s.of[rows]] == none][::-1]
        out[self.s.of[rows]] = rows  # of several assignments to one place the last stays
        return out

    def at(self, values: I64, stint: _Rows, missing: int = MISSING) -> I64:
        """Each call's value at one of its stints; `missing` where that is none."""
        out = np.full(self.n, missing, np.int64)
        there = stint < len(values)
        out[there] = values[stint[there]]
        return out

    def wait_ms(self) -> I64:
        """Wait of all stints up to the first answer; MISSING when one of them is not known."""
        wait = self.s.wait_ms
        out = wait[self.first]
        if len(self.until):
            of, more = self.s.of[self.until], wait[self.until]
            unknown = np.concatenate([rows_where(out == MISSING), of[more == MISSING]])
            np.add.at(out, of, np.maximum(more, 0))
            out[unknown] = MISSING
        return out

    def outcome(self) -> I64:
        """ANSWERED when any stint was, else how the last one ended."""
        return np.where(self.first_answer < len(self.s.of), ANSWERED, self.s.outcome[self.last])

    def transfers(self) -> tuple[Bool, Bool, Bool]:
        """Of each call: was it sent on; did it reach a queue after that; did a person answer it there."""
        sent, on, served = (np.zeros(self.n, np.bool_) for _ in range(3))
        rows = rows_where(self.s.transferred)
        if not len(rows):
            return sent, on, served
        of = self.s.of[rows]
        sent[of] = True
        begin = np.full(self.n, len(self.s.of))
        begin[of[::-1]] = rows[::-1]  # its first transfer
        on = sent & (self.last > begin)
        after = self.more[self.s.answered[self.more]]
        served[self.s.of[after[after > begin[self.s.of[after]]]]] = True
        return sent, on, served
