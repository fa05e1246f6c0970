"""What tests of commands share."""

from __future__ import annotations

import pytest

from telemetry.__main__ import main


@pytest.fixture
def gecc(capsys):
    """Run the command; its exit code, what it printed and what it complained of."""

    def run(*arguments) -> tuple[int, str, str]:
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run
