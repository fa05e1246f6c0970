"""The HTML of the two pages: the wallboard's skeleton and the list of sites. Figures are drawn by static/board.js."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from string import Template
from urllib.parse import urlencode

from telemetry.text import words
from telemetry.web.service import SiteInfo

_HEAD = """<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="static/board.css">
"""

_BOARD = Template(
    _HEAD
    + """<script type="module" src="static/board.js"></script>
<script type="application/json" id="words">$data</script>
</head>
<body>
<header>
  <div class="who">
    <h1>$title</h1>
    <p id="sources-line" class="sources-line"></p>
  </div>
  <div class="when"><p id="clock" class="clock"></p><p id="date" class="date"></p></div>
</header>
<p id="lost" class="lost" hidden><span id="lost-what" role="alert"></span> <span id="lost-age"></span></p>
<noscript><p class="lost">$needs_script</p></noscript>
<main id="board" aria-busy="true">
  <section class="now" aria-label="$now">
    <div class="tile" id="tickets-waiting"><h2>$tickets_waiting</h2><p class="figure" aria-live="polite"></p></div>
    <div class="tile" id="longest-ticket-wait"><h2>$longest_ticket_wait</h2><p class="figure"></p></div>
    <div class="tile" id="calls-waiting"><h2>$calls_waiting</h2><p class="figure" aria-live="polite"></p></div>
    <div class="tile" id="longest-call-wait"><h2>$longest_call_wait</h2><p class="figure"></p></div>
  </section>
  <section class="panel services">
    <h2 class="unseen">$services</h2>
    <table role="table">
      <thead role="rowgroup"><tr role="row">
        <th scope="col" role="columnheader">$service</th>
        <th scope="col" role="columnheader" class="num">$waiting</th>
        <th scope="col" role="columnheader" class="num">$wait_against_target</th>
        <th scope="col" role="columnheader">$called_to</th>
        <th scope="col" role="columnheader" class="num">$calls</th>
      </tr></thead>
      <tbody id="units" role="rowgroup"></tbody>
    </table>
    <p id="no-services" class="dim" hidden>$no_services</p>
  </section>
  <section class="panel hours">
    <div class="heading"><h2>$by_hour</h2><ul class="legend">
      <li><i class="key tickets"></i>$tickets_issued</li>
      <li><i class="key calls"></i>$calls_offered</li>
      <li><i class="key calls-lost"></i>$calls_lost</li></ul></div>
    <div id="hours" class="chart"></div>
  </section>
  <section class="panel today">
    <div class="heading"><h2>$today</h2><p id="period" class="dim"></p></div>
    <ul id="kpis" class="kpis"></ul>
  </section>
</main>
<footer>
  <p class="foot"><span id="as-of" class="dim">$loading</span>
  <a href="?$other" hreflang="$other_language_code" lang="$other_language_code">$other_language</a></p>
  <details id="details"><summary>$details</summary>
    <div class="below">
      <section><h2>$definitions</h2><dl id="definitions"></dl>
      <p><a href="definitions?$here">$all_definitions</a></p></section>
      <section><h2>$figures</h2><table class="plain"><thead><tr>
        <th scope="col">$hour</th><th scope="col">$tickets_issued</th><th scope="col">$calls_offered</th>
        <th scope="col">$calls_lost</th></tr></thead><tbody id="figures"></tbody></table></section>
      <section><h2>$sources</h2><ul id="sources"></ul></section>
    </div>
  </details>
</footer>
</body>
</html>
"""
)

_CHOOSE = Template(
    _HEAD
    + """</head>
<body>
<header><div class="who"><h1>$title</h1></div></header>
<main class="choose">
$list
</main>
<footer><p class="foot"><span></span>
<a href="?lang=$other_language_code" hreflang="$other_language_code" lang="$other_language_code">$other_language</a></p>
</footer>
</body>
</html>
"""
)


def wallboard(site: SiteInfo, lang: str, *, now_ms: int, page: str) -> str:
    """The wallboard's skeleton for one site; `page` names this version of the page and its scripts."""
    text = words(lang)
    data = {
        "lang": lang,
        "site": site.id,
        "timezone": site.timezone,
        "now_ms": now_ms,
        "page": page,
        "words": dict(text),
    }
    return _BOARD.substitute(
        _escaped(text),
        lang=lang,
        title=html.escape(site_name(site, lang)),
        data=_data_block(data),
        here=html.escape(urlencode({"site": site.id, "lang": lang})),
        other=html.escape(urlencode({"site": site.id, "lang": text["other_language_code"]})),
    )


def choose(sites: Sequence[SiteInfo], lang: str) -> str:
    """A list of links, one for each site."""
    text = words(lang)
    rows = [
        f'<li><a href="?{html.escape(urlencode({"site": site.id, "lang": lang}))}">'
        f"{html.escape(site_name(site, lang))}</a></li>"
        for site in sites
    ]
    found = f"<ul>{''.join(rows)}</ul>" if rows else f"<p>{html.escape(text['no_sites'])}</p>"
    return _CHOOSE.substitute(_escaped(text), lang=lang, title=html.escape(text["choose_site"]), list=found)


def site_name(site: SiteInfo, lang: str) -> str:
    """The site's name in `lang`, else in the other language, else its id."""
    names = (site.name_th, site.name_en) if lang == "th" else (site.name_en, site.name_th)
    return names[0] or names[1] or site.id


def _escaped(text: Mapping[str, str]) -> dict[str, str]:
    return {key: html.escape(value) for key, value in text.items()}


def _data_block(data: Mapping[str, object]) -> str:
    """JSON that cannot end the script element it stands in."""
    raw = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return raw.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
