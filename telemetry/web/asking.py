"""What a request asks for: its arguments, checked; whoever asks wrongly is told what is wrong."""

from __future__ import annotations

from aiohttp import web

from telemetry.text import LANGUAGES
from telemetry.web.service import Service, SiteInfo


def bad(text: str) -> web.HTTPBadRequest:
    """The answer to what cannot be asked."""
    return web.HTTPBadRequest(text=text)


def one(request: web.Request, name: str) -> str:
    """The argument, empty when it is not given; given twice it has no meaning."""
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise bad(f"{name} is given more than once")
    return values[0] if values else ""


def only(request: web.Request, *names: str) -> None:
    """A misspelt argument must not silently answer another question than was asked."""
    for name in request.query:
        if name not in names:
            raise bad(f"unknown argument {name[:40]!r}; known: {', '.join(names)}")


def language(request: web.Request, default: str) -> str:
    lang = one(request, "lang") or default
    if lang not in LANGUAGES:
        raise bad(f"lang must be one of: {', '.join(LANGUAGES)}")
    return lang


def site_of(request: web.Request, service: Service) -> SiteInfo:
    """The site that the request names; the only one there is when it names none."""
    sites = service.sites()
    name = one(request, "site")
    if not name:
        if len(sites) == 1:
            return sites[0]
        raise bad("site is missing")
    for site in sites:
        if site.id == name:
            return site
    raise web.HTTPNotFound(text="unknown site")
