"""Queues with Poisson arrivals and exponential times: Erlang B, Erlang C (nobody gives up) and Erlang A (callers do).

All arguments are arrays that fit each other, or single numbers. `load` is in erlangs (arrivals × handle time), times in
seconds. Sums run over logarithms, so that hundreds of servers and long queues neither overflow nor vanish.
No library: pyworkforce and pyqueueing solve one queue at a time, ErlangCCmath asks for a licence, and the core takes NumPy
only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kpis.columns import F64

_BLOCK = 256
_NEGLIGIBLE = 40.0
"""What is e^-40 of the rest changes no digit."""
_MOST_TERMS = 1 << 20


@dataclass(frozen=True, slots=True)
class Queue:
    """What callers meet in the long run. NaN where there is no steady state: without patience, load >= servers."""

    wait_share: F64
    """P(wait): those who are not taken at once."""
    within: F64
    """Service level: answered within the limit ÷ all who came, those who gave up included."""
    asa_s: F64
    """Mean wait of those who are answered."""
    wait_s: F64
    """Mean wait of all, those who gave up included."""
    abandoned: F64
    """Those who gave up ÷ all who came; 0 without patience."""
    occupancy: F64
    """Share of the servers' time that is work."""


def erlang_b(load: npt.ArrayLike, servers: npt.ArrayLike) -> F64:
    """Share of arrivals that find all servers busy where nobody waits: B0 = 1, Bi = A·B/(i + A·B)."""
    a, n = np.broadcast_arrays(np.asarray(load, np.float64), np.asarray(servers, np.int64))
    b: F64 = np.ones(a.shape)
    with np.errstate(under="ignore"):
        for i in range(1, int(n.max(initial=0)) + 1):
            b = np.where(n >= i, a * b / (i + a * b), b)
    return np.where(np.isnan(a), np.nan, b)


def erlang_c(load: npt.ArrayLike, servers: npt.ArrayLike) -> F64:
    """Share of arrivals that wait where nobody gives up: C = B/(1 − (A/N)(1 − B)). NaN where A >= N: there the queue
    grows for ever."""
    a, n = np.broadcast_arrays(np.asarray(load, np.float64), np.asarray(servers, np.float64))
    b = erlang_b(a, n.astype(np.int64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(a < n, b / (1 - a / n * (1 - b)), np.nan)


def queue(
    load: npt.ArrayLike, servers: npt.ArrayLike, handle_s: npt.ArrayLike, within_s: npt.ArrayLike,
    patience_s: npt.ArrayLike = np.inf,
) -> Queue:  # fmt: skip
    """What callers meet: by Erlang A where they have a mean patience, by Erlang C where it is infinite.

    Erlang C: within = 1 − C·e^(−(N−A)T/AHT), ASA = C·AHT/(N−A).
    Erlang A (M/M/n+M): births λ, deaths min(k, n)·µ + (k−n)⁺·θ; abandoned = θ·E[Lq]/λ, wait = E[Lq]/λ,
    occupancy = λ(1 − abandoned)/(nµ); it always has a steady state.
    """
    a, n, aht, t, patience = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (load, servers, handle_s, within_s, patience_s))
    )
    shape = a.shape
    a, n, aht, t, patience = (np.atleast_1d(x).ravel() for x in (a, n, aht, t, patience))
    out = np.full((6, len(a)), np.nan)
    for rows, solve in ((np.isinf(patience), _endless), (np.isfinite(patience), _patient)):
        if rows.any():
            out[:, rows] = solve(a[rows], n[rows], aht[rows], t[rows], patience[rows])
    return Queue(*(row.reshape(shape) for row in out))


def _endless(a: F64, n: F64, aht: F64, t: F64, _patience: F64) -> F64:
    c = erlang_c(a, n)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        asa = c * aht / (n - a)  # of overload only NaN comes out, whatever the exponent is
        return np.stack([c, 1 - c * np.exp(-(n - a) * t / aht), asa, asa, np.where(np.isnan(c), c, 0), a / n + 0 * c])


def _patient(a: F64, n: F64, aht: F64, t: F64, patience: F64) -> F64:
    """Erlang A. With x = nµ/θ, y = λ/θ and the terms y^j/((x+1)…(x+j)) of j waiting behind a full house:

    P(answered within T) = 1 − P(wait) + p_n·(nµ/λ)·[Σ(y) − e^(y(1−q) − xθT)·Σ(yq)], q = e^(−θT),
    where Σ(z) is the sum of the terms over j >= 1: the integral of the density of the virtual wait
    λ·p(n−1)·e^(y(1−e^(−θv)) − nµv) times the share e^(−θv) that is still there, over v from 0 to T.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        x, y, q_exponent = n * patience / aht, a * patience / aht, t / patience
        b = erlang_b(a, n.astype(np.int64))
        tail, length, delays = _tails(x, y)
        log_full = np.log(b) - np.logaddexp(np.log1p(-b), np.log(b) + np.logaddexp(0, tail))  # log of p_n
        wait_share = np.exp(log_full + np.logaddexp(0, tail))
        wait_s = np.where(a == 0, 0.0, np.exp(log_full + length) * aht / a)  # E[Lq]/λ
        abandoned = wait_s / patience
        early, _, _ = _tails(x, y * np.exp(-q_exponent))
        late = y * -np.expm1(-q_exponent) - x * q_exponent + early
        per_arrival = log_full + np.log(n / a)  # p_n·nµ/λ
        answered = np.exp(per_arrival + tail) - np.exp(per_arrival + late)
        nobody = a == 0
        within = np.where(nobody, 1.0, np.clip(1 - wait_share + np.where(n > 0, answered, 0), 0, 1))
        asa = np.where(nobody, 0.0, np.exp(per_arrival + delays) * patience / (1 - abandoned))
        occupancy = np.minimum(a * (1 - abandoned) / n, 1)
        wait_share = np.where(nobody, 0.0, wait_share)
    none = n == 0  # nobody serves: all wait and give up; nobody is answered, and there is no work to share
    asa, occupancy = (np.where(none, np.nan, value) for value in (asa, occupancy))
    out = np.stack([wait_share, within, asa, wait_s, abandoned, occupancy])
    out[:, none & nobody] = np.nan
    return out


def _tails(x: F64, z: F64) -> tuple[F64, F64, F64]:
    """Logarithms of Σ t_j, Σ j·t_j and Σ h_j·t_j over j >= 1, where t_j = z^j/((x+1)…(x+j)) and h_j = Σ 1/(x+i)."""
    known = np.isfinite(x) & np.isfinite(z)
    log_t = np.where(known, 0.0, np.nan)
    harmonic = np.zeros(len(x))
    sums = np.full((3, len(x)), -np.inf)
    sums[:, ~known] = np.nan
    log_z = np.log(z)
    live = np.flatnonzero(known & (z > 0))
    for first in range(1, _MOST_TERMS, _BLOCK):
        if not len(live):
            break
        j = np.arange(first, first + _BLOCK, dtype=np.float64)
        rate = x[live, None] + j
        t = log_t[live, None] + np.cumsum(log_z[live, None] - np.log(rate), axis=1)
        h = harmonic[live, None] + np.cumsum(1 / rate, axis=1)
        top = t.max(axis=1, keepdims=True)
        scaled = np.exp(t - top)
        for row, weight in enumerate((1.0, j, h)):
            sums[row, live] = np.logaddexp(sums[row, live], top[:, 0] + np.log((scaled * weight).sum(axis=1)))
        log_t[live], harmonic[live] = t[:, -1], h[:, -1]
        # What follows is less than a geometric series of this ratio.
        ratio = z[live] / (rate[:, -1] + 1)
        rest = t[:, -1] + np.log(j[-1]) - 2 * np.log(np.maximum(1 - ratio, 1e-9))
        live = live[(ratio >= 1) | (rest > sums[0, live] - _NEGLIGIBLE)]
    return sums[0], sums[1], sums[2]
