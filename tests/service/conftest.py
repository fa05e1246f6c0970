"""What a run has to say: how many kills and messages stand behind a test that passed."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def tell(capfd):
    """Print past the capture, to where also a worker of pytest-xdist is heard."""

    def say(text: str) -> None:
        with capfd.disabled():
            print(f"\n{text}", file=sys.stderr, flush=True)

    return say
