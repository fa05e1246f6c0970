"""Believable calls for the writers of telemetry.simulate.makes, and what the core must find of them."""

from __future__ import annotations

import random

from telemetry.simulate.makes import Attempt, Call

S = 1_000_000
START_US = 1_795_226_400 * S
"""2026-11-21 02:00Z, nine in the morning in Bangkok."""


def some_calls(seed: int, n: int, start_us: int = START_US, queue: str = "2000", did: str = "020000000") -> list[Call]:
    """`n` calls of one queue: some withheld, every outcome, several attempts, transfers; whole seconds."""
    rng = random.Random(seed)
    out: list[Call] = []
    at_us = start_us
    for i in range(n):
        at_us += rng.randint(5, 90) * S
        number = "" if rng.random() < 0.1 else f"08{rng.randint(0, 99_999_999):08d}"
        outcome = rng.choices(("answered", "abandoned", "timed_out", "no_agent", "left_by_key"), (70, 14, 6, 5, 5))[0]
        attempts: list[Attempt] = []
        now_us = at_us + rng.randint(0, 30) * S
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            extension = str(rng.randint(201, 209))
            attempts.append(Attempt(f"Agent {extension}", extension, now_us, now_us + 15 * S, answered=False))
            now_us += 20 * S
        call_id = f"{at_us // S}.{i + 1}"
        if outcome == "answered":
            extension, ring_s, talk_s = str(rng.randint(201, 209)), rng.randint(1, 14), rng.randint(5, 400)
            answer_us = now_us + ring_s * S
            attempts.append(Attempt(f"Agent {extension}", extension, now_us, answer_us, answered=True))
            out.append(
                Call(
                    call_id, number, did, queue, rng.randint(1, 4), at_us, tuple(attempts), outcome,
                    answer_us + talk_s * S, answer_us, rng.choice(("agent", "caller")),
                    str(rng.randint(301, 309)) if rng.random() < 0.1 else "",
                )
            )  # fmt: skip
        else:
            end_us = now_us + rng.randint(1, 40) * S
            out.append(Call(call_id, number, did, queue, rng.randint(1, 4), at_us, tuple(attempts), outcome, end_us))
    return out
