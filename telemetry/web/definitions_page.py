"""The page of definitions: every KPI with its formula, source, exclusions and settings. It needs no script."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby
from string import Template
from urllib.parse import urlencode

from telemetry.text import words
from telemetry.web.pages import site_name
from telemetry.web.service import DefinitionRow, SiteInfo

_PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title – $site</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/document.css">
</head>
<body>
<header>
  <p class="links"><a href="./?$here">$back</a>
  <a href="?$other" hreflang="$other_language_code" lang="$other_language_code">$other_language</a></p>
  <h1>$title</h1>
  <p>$of_site</p>
  <p class="intro">$intro</p>
</header>
<nav aria-label="$contents"><h2>$contents</h2>
$toc
</nav>
<main>
$body
</main>
</body>
</html>
""")


def definitions_page(site: SiteInfo, rows: Sequence[DefinitionRow], lang: str) -> str:
    """The page for one site."""
    text, common = words(lang, "definitions"), words(lang)
    groups = [(name, list(of)) for name, of in groupby(rows, key=lambda row: row["group"])]
    toc = "".join(
        f"<details><summary>{_e(name)} ({len(of)})</summary><ul>"
        + "".join(f'<li><a href="#{_e(row["kpi"])}">{_e(row["label"])}</a></li>' for row in of)
        + "</ul></details>\n"
        for name, of in groups
    )
    body = "".join(f"<h2>{_e(name)}</h2>\n{''.join(map(_kpi, of))}" for name, of in groups)
    return _PAGE.substitute(
        lang=lang,
        title=_e(text["title"]),
        site=_e(site_name(site, lang)),
        of_site=_e(text["of_site"].format(site=site_name(site, lang))),
        intro=_e(text["intro"]),
        contents=_e(text["contents"]),
        back=_e(text["back"]),
        here=_e(urlencode({"site": site.id, "lang": lang})),
        other=_e(urlencode({"site": site.id, "lang": common["other_language_code"]})),
        other_language=_e(common["other_language"]),
        other_language_code=_e(common["other_language_code"]),
        toc=toc,
        body=body,
    )


def _kpi(row: DefinitionRow) -> str:
    facts = "".join(f"<div><dt>{_e(name)}</dt><dd>{_e(value)}</dd></div>" for name, value in row["facts"])
    return (
        f'<section id="{_e(row["kpi"])}"><h3>{_e(row["label"])} <code>{_e(row["kpi"])}</code></h3>'
        f"<p>{_e(row['definition'])}</p><dl>{facts}</dl></section>\n"
    )


def _e(text: str) -> str:
    return html.escape(text)
