"""What to do when an alert comes: the page that links in alerts lead to. It is of no site and needs no script."""

from __future__ import annotations

import html
from string import Template

from aiohttp import web

from telemetry.text import words
from telemetry.web.asking import language, only

SEVERITIES = ("critical", "warning", "info")
_PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/document.css">
</head>
<body>
<header>
  <p class="links"><a href="./?lang=$lang">$back</a>
  <a href="?lang=$other" hreflang="$other" lang="$other">$other_language</a></p>
  <h1>$title</h1>
  <p class="intro">$intro</p>
</header>
<nav aria-label="$contents"><h2>$contents</h2>
<ul>$toc</ul>
</nav>
<main>
$body
</main>
</body>
</html>
""")


async def runbooks(request: web.Request) -> web.Response:
    """GET /runbooks"""
    only(request, "lang")
    text = runbooks_page(language(request, "th"))
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def runbooks_page(lang: str) -> str:
    """The page: a section for each alert, by how urgent it is."""
    text, common = words(lang, "alerts"), words(lang)
    keys = {severity: text[f"alerts_{severity}"].split() for severity in SEVERITIES}
    toc = "".join(
        f'<li><a href="#{_anchor(key)}">{_e(text[f"{key}_title"])}</a></li>' for of in keys.values() for key in of
    )
    body = "".join(
        f"<h2>{_e(text[f'severity_{severity}'])}</h2>\n{''.join(_section(key, lang) for key in of)}"
        for severity, of in keys.items()
    )
    return _PAGE.substitute(
        lang=lang,
        title=_e(text["page_title"]),
        intro=_e(text["page_intro"]),
        contents=_e(text["contents"]),
        back=_e(words(lang, "definitions")["back"]),
        other=_e(common["other_language_code"]),
        other_language=_e(common["other_language"]),
        toc=toc,
        body=body,
    )


def _section(key: str, lang: str) -> str:
    text = words(lang, "alerts")
    steps = "".join(f"<li>{_e(line)}</li>" for line in text[f"{key}_steps"].strip().splitlines())
    facts = "".join(
        f"<div><dt>{_e(text[f'head_{part}'])}</dt><dd>{_e(text[f'{key}_{part}'])}</dd></div>"
        for part in ("meaning", "condition")
    )
    return (
        f'<section id="{_anchor(key)}"><h3>{_e(text[f"{key}_title"])}</h3>\n<dl>{facts}'
        f"<div><dt>{_e(text['head_steps'])}</dt><dd><ol>{steps}</ol></dd></div></dl></section>\n"
    )


def _anchor(key: str) -> str:
    return key.replace("_", "-")


def _e(text: str) -> str:
    return html.escape(text)
