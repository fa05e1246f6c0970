"""Both languages say everything, and nothing is said that no page shows."""

import re
from pathlib import Path

import pytest

from telemetry import web
from telemetry.text import LANGUAGES, words

PAGES = Path(web.__file__).parent


def test_both_languages_have_the_same_words():
    assert set(words("th")) == set(words("en"))


def test_no_word_is_empty():
    assert [key for lang in LANGUAGES for key, text in words(lang).items() if not text.strip()] == []


def test_sentences_have_the_same_blanks_in_both_languages():
    def blanks(text):
        return sorted(set(re.findall(r"\{(\w+)\}", text)))

    # The calendar differs on purpose: English has no era and no unit after a time.
    differ = [key for key, text in words("th").items() if blanks(text) != blanks(words("en")[key])]
    assert differ == []


def test_calendars_are_whole():
    for lang in LANGUAGES:
        lengths = [len(words(lang)[key].split("|")) for key in ("weekdays", "months", "months_short")]
        assert lengths == [7, 12, 12]


def test_every_word_is_used_by_a_page():
    shown = "".join(path.read_text(encoding="utf-8") for path in [PAGES / "pages.py", *(PAGES / "static").glob("*.js")])
    built = ("source_", "state_")
    unused = [key for key in words("th") if key not in shown and not key.startswith(built)]
    assert unused == []


def test_an_unknown_language_is_refused():
    with pytest.raises(KeyError):
        words("fr")


def test_words_cannot_be_changed_by_a_reader():
    with pytest.raises(TypeError):
        words("th")["now"] = "x"
