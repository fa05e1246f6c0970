"""Every word that a person reads on our pages and reports, in two complete languages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

LANGUAGES = ("th", "en")
"""The first one is what a reader gets who did not choose."""


@cache
def words(lang: str, report: str = "") -> Mapping[str, str]:
    """The words of one language by key, of our pages or of a report; KeyError for a language that we do not have."""
    if lang not in LANGUAGES:
        raise KeyError(lang)
    text = Path(__file__).with_name(f"{report}_{lang}.toml" if report else f"{lang}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
