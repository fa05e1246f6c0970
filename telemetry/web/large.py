"""A large body, sent piece by piece: sent at once it would be copied while nothing else happens."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

AT_ONCE = 1 << 17


async def send(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    """Answer with `body`. A reader that goes away gets what it took."""
    if len(body) <= AT_ONCE:
        return web.Response(body=body, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    try:
        for first in range(0, len(body), AT_ONCE):
            await response.write(memoryview(body)[first : first + AT_ONCE])
        await response.write_eof()
    except ConnectionError:
        response.force_close()
    return response
