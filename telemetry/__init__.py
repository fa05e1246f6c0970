"""gecc-telemetry: from kiosks, buttons and telephone logs to figures that can be proved."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_ZEN_4 = rb"vendor_id\s*: AuthenticAMD\ncpu family\s*: 25\n(?s:.*?)\bavx512f\b"


def _prefer_the_faster_sort() -> None:
    """On AMD's Zen 4, NumPy's AVX-512 sort is five times slower than its AVX2 one: it stores compressed vectors, which
    that processor does in microcode. NumPy reads this variable when it is first imported."""
    name = "NPY_DISABLE_CPU_FEATURES"
    if name in os.environ or "numpy" in sys.modules:
        return
    try:
        with Path("/proc/cpuinfo").open("rb") as file:
            if re.search(_ZEN_4, file.read(4096)):
                os.environ[name] = "X86_V4"
    except OSError:
        return


_prefer_the_faster_sort()
