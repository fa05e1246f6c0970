"""Places where a test may kill the process for good: GECC_CRASHPOINT=name:probability[,name:probability].

Names: before_commit, after_commit, before_leave, after_leave, between_acks, after_correction, influx_before_write,
influx_after_write, seal_file, before_seal, after_seal. Without the variable nothing of this exists in the service.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Mapping


def from_environment(environ: Mapping[str, str] = os.environ) -> Callable[[str], None]:
    """What to call at each point."""
    chances = dict(pair.split(":") for pair in environ.get("GECC_CRASHPOINT", "").split(",") if pair)
    if not chances:
        return lambda _point: None
    dice = random.SystemRandom()

    def maybe(point: str) -> None:
        if dice.random() < float(chances.get(point, 0)):
            os.kill(os.getpid(), signal.SIGKILL)

    return maybe


def for_acks(environ: Mapping[str, str] = os.environ) -> Callable[[str], None] | None:
    """The same for a collector, which writes its acknowledgements in one go unless a test asks otherwise."""
    return from_environment(environ) if "between_acks" in environ.get("GECC_CRASHPOINT", "") else None
