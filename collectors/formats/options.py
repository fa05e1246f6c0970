"""What a site says about how one of its logs is written: everything that a format must be told and may not guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of one source, as `[[sites.sources]]` names them; a format reads those its row in FORMATS takes."""

    timezone: str = "Asia/Bangkok"
    """Zone of wall-clock times; times with an offset or since 1970 do not need it."""
    era: str = "ce"
    """`ce`, `be`, or `auto`: a year above 2400 is Buddhist Era."""
    date_order: str = ""
    """`ymd`, `dmy`, `mdy`; "" is the make's own."""
    time_is: str = "end"
    pattern: str = ""
    columns: tuple[str, ...] = ()
    delimiter: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    """Queue or number in the log → unit; others are their own unit."""
    internal_digits: int = 6
    """Numbers of up to so many digits are extensions: calls from them are not citizens'."""
    outside_prefix: str = ""
    """Digits dialled before a number outside to get a line: no part of the number."""
