"""The frame that our pages share: head, the way to every page, the language, a link past all of it. No script is needed."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from string import Template
from urllib.parse import urlencode

from telemetry.text import words
from telemetry.web.pages import site_name
from telemetry.web.service import SiteInfo

PAGES = {
    "wallboard": "./",
    "manager": "manager",
    "staffing": "staffing",
    "sources": "sources",
    "hall": "hall",
    "staff": "staff",
    "definitions": "definitions",
}
"""Every page of a site by its name in the words `layout`, and its address."""

_PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title – $site</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
$head</head>
<body class="$classes"$data>
<a class="skip" href="#main">$skip</a>
<header class="top">
  <nav aria-label="$pages"><ul>$links</ul></nav>
  <p class="language"><a href="$other" hreflang="$other_code" lang="$other_code">$other_language</a></p>
</header>
<main id="main" tabindex="-1">
<h1>$title</h1>
<p class="of-site">$site</p>
$body
</main>
</body>
</html>
""")


def page(
    *,
    site: SiteInfo,
    lang: str,
    here: str,
    title: str,
    body: str,
    query: Mapping[str, str] | None = None,
    path: str = "",
    styles: Sequence[str] = ("pages.css",),
    scripts: Sequence[str] = (),
    classes: str = "",
    data: Mapping[str, str] | None = None,
) -> str:
    """A whole page of one site around `body`, which is HTML; everything else is text.

    `here` is the name of the page in `PAGES`. `query` are the page's other arguments, kept where the language is changed;
    `path` is its address where that is not the one of `here`. `styles` and `scripts` (modules) are files of static/.
    `data` become data-… attributes of the body, for scripts.
    """
    text, common = words(lang, "layout"), words(lang)
    links = "".join(
        f'<li><a href="{link(address, site, lang)}"{" aria-current=page" if name == here else ""}>{_e(text[name])}</a></li>'
        for name, address in PAGES.items()
    )
    other = common["other_language_code"]
    return _PAGE.substitute(
        lang=lang,
        title=_e(title),
        site=_e(site_name(site, lang)),
        head="".join(f'<link rel="stylesheet" href="static/{_e(name)}">\n' for name in styles)
        + "".join(f'<script type="module" src="static/{_e(name)}"></script>\n' for name in scripts),
        classes=_e(f"page {classes}".strip()),
        data="".join(f' data-{_e(name)}="{_e(value)}"' for name, value in (data or {}).items()),
        skip=_e(text["skip"]),
        pages=_e(text["pages"]),
        links=links,
        other=link(path or PAGES[here], site, other, query),
        other_code=_e(other),
        other_language=_e(common["other_language"]),
        body=body,
    )


def link(address: str, site: SiteInfo, lang: str, query: Mapping[str, str] | None = None, fragment: str = "") -> str:
    """An address of the site in a language, escaped for an attribute."""
    arguments = urlencode({"site": site.id, "lang": lang, **(query or {})})
    return _e(f"{address}?{arguments}{f'#{fragment}' if fragment else ''}")


def _e(text: str) -> str:
    return html.escape(text)
