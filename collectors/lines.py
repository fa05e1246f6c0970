"""Bytes cut into lines: what every reader of log files and streams does."""

from __future__ import annotations

MAX_RECORD = 64 * 1024 + 1
"""A longer line is cut to this, one byte above the limit, and its format rejects it for its length."""


class LineCutter:
    """Cuts blocks into lines without their LF, holding back the last until its end comes. Memory is bounded."""

    def __init__(self) -> None:
        self._begun = b""
        self.held = 0
        """Bytes of the line begun, also those that were dropped because it is too long."""

    def feed(self, block: bytes) -> list[bytes]:
        lines = block.split(b"\n")
        lines[0] = self._begun + lines[0]
        last = lines.pop()
        self.held = len(last) if lines else self.held + len(block)
        self._begun = last[:MAX_RECORD]
        if lines and max(map(len, lines)) > MAX_RECORD:
            lines = [line[:MAX_RECORD] for line in lines]
        return lines

    def rest(self) -> list[bytes]:
        """The line begun, taken as it is: nothing more comes."""
        lines = [self._begun] if self.held else []
        self._begun, self.held = b"", 0
        return lines
