"""How the screens say times and durations, in one language and the time zone of one site. Everything is text, not yet HTML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from telemetry.text import words
from telemetry.web import say
from telemetry.web.service import SiteInfo

MINUTES_UPTO = 90
"""Longer durations are told in hours and minutes."""


class Say:
    """Words of the screens, and what is made with them."""

    def __init__(self, lang: str, site: SiteInfo) -> None:
        self.lang = lang
        self.words: Mapping[str, str] = words(lang, "screens")
        self._zone = ZoneInfo(site.timezone)

    def name(self, row: Mapping[str, object], key: str = "name") -> str:
        """The name of a row in this language, else in the other one."""
        own, other = (row.get(f"{key}_{lang}") for lang in (("th", "en") if self.lang == "th" else ("en", "th")))
        return str(own or other or "")

    def clock(self, ms: int) -> str:
        return say.clock(self._at(ms), self.lang)

    def day(self, at: date) -> str:
        return say.day(datetime.combine(at, time()), self.lang)

    def short_day(self, at: date) -> str:
        """Without the year, for places without room."""
        return f"{at.day} {words(self.lang)['months_short'].split('|')[at.month - 1]}"

    def _at(self, ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, self._zone)

    def when(self, ms: int, now_ms: int) -> str:
        """The clock, with the date where that is another day."""
        same = self._at(ms).date() == self._at(now_ms).date()
        return self.clock(ms) if same else say.moment(self._at(ms), self.lang)

    def minutes(self, n: int) -> str:
        """A duration in words: 10 minutes, 2 hours 15 minutes."""
        if n <= MINUTES_UPTO:
            return self.words["duration_minutes"].format(n=n)
        hours, rest = divmod(n, 60)
        return self.words["duration_hours" if rest else "duration_whole_hours"].format(h=hours, m=rest)

    def age(self, ms: float) -> str:
        """How long, coarse: seconds below a minute, minutes, hours, days."""
        seconds = max(0, int(ms // 1000))
        if seconds < 60:
            return self.words["sources_seconds"].format(n=seconds)
        if seconds >= 2 * 86_400:
            return self.words["sources_days"].format(n=seconds // 86_400)
        return self.minutes(seconds // 60)

    def wait(self, from_minutes: int | None, to_minutes: int | None) -> str:
        """A range as an honest answer: about 10-25 minutes, up to 5 minutes, or that it cannot be told."""
        if from_minutes is None or to_minutes is None:
            return self.words["hall_unknown"]
        hours = "_hours" if to_minutes > MINUTES_UPTO else ""
        ends = {
            "from": self.minutes(from_minutes) if hours else str(from_minutes),
            "to": self.minutes(to_minutes) if hours else str(to_minutes),
        }
        return self.words[f"hall_upto{hours}" if from_minutes == 0 else f"hall_range{hours}"].format(**ends)
