"""The page that alerts link to: every alert has its section, in both languages."""

from __future__ import annotations

import asyncio
import html
import re

import pytest

from dashboards.alerts import alerts, groups
from telemetry.text import LANGUAGES, words
from telemetry.web.runbooks_page import runbooks_page


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_link_of_an_alert_has_its_section_with_what_to_do(lang):
    page = runbooks_page(lang)
    sections = dict(re.findall(r'<section id="([a-z-]+)">(.*?)</section>', page, re.DOTALL))
    links = {r["annotations"][f"runbook_url_{lang}"] for g in groups() for r in g["rules"]}
    assert {link.rpartition("/")[2] for link in links} == {f"runbooks?lang={lang}#{name}" for name in sections}
    for alert in alerts():
        assert html.escape(words(lang, "alerts")[f"{alert.key}_title"]) in sections[alert.anchor]
        assert sections[alert.anchor].count("<li>") >= 2
    assert f'<html lang="{lang}">' in page
    assert set(re.findall(r'href="#([a-z-]+)"', page)) == set(sections)


def test_it_is_served_without_naming_a_site(web_kit):
    async def case():
        async with web_kit.running(web_kit.FakeService()) as app:
            answers = []
            for query in ("lang=en", "lang=de", "site=x"):
                async with app.http.get(f"/runbooks?{query}") as answer:
                    answers.append((answer.status, await answer.text()))
        return answers

    answers = asyncio.run(case())
    assert [status for status, _ in answers] == [200, 400, 400]
    assert "What to do when an alert comes" in answers[0][1]
