"""Every route: what it answers, what it refuses, and what every answer carries."""

import asyncio
import io
import json

import aiohttp
import pytest

from telemetry.web.routes import make_app
from telemetry.web.service import BusyError

SITE = "amphoe-mueang"
ANSWERS = {
    "/": (200, "text/html"),
    "/v1/board": (200, "application/json"),
    "/v1/stream": (200, "text/event-stream"),
    "/v1/kpis": (200, "application/json"),
    "/v1/sources": (200, "application/json"),
    "/v1/staffing": (200, "application/json"),
    "/v1/definitions": (200, "application/json"),
    "/definitions": (200, "text/html"),
    "/hall": (200, "text/html"),
    "/staff": (200, "text/html"),
    "/sources": (200, "text/html"),
    "/staffing": (200, "text/html"),
    "/v1/changes": (200, "text/event-stream"),
    "/manager": (200, "text/html"),
    "/drill": (400, "application/json"),  # nothing is behind no figure
    "/contact": (400, "application/json"),
    "/runbooks": (200, "text/html"),
    "/metrics": (200, "application/openmetrics-text"),
    "/healthz": (200, "application/json"),
    "/readyz": (200, "application/json"),
    "/favicon.ico": (200, "image/svg+xml"),
    "/static/{name}": (200, "text/css"),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def ask(web_kit, path, *, method="GET", service=None, **options):
    """One request to a fresh application: status, headers, body."""

    async def case():
        async with (
            web_kit.running(service or web_kit.FakeService()) as app,
            app.http.request(method, path, allow_redirects=False, **options) as answer,
        ):
            body = b"" if answer.content_type == "text/event-stream" else await answer.read()
            return answer.status, answer.headers, body

    return asyncio.run(case())


def two_sites(web_kit):
    other = web_kit.board()
    other["site"] = {"id": "second", "name_th": "", "name_en": "Second <b>office</b>"}
    return web_kit.FakeService(web_kit.board(), other)


def test_the_table_of_answers_names_every_route(web_kit):
    app = make_app(web_kit.FakeService())
    assert {route.resource.canonical for route in app.router.routes()} == set(ANSWERS)


def test_every_route_answers_get_and_refuses_every_other_method(web_kit):
    async def case():
        async with web_kit.running(web_kit.FakeService()) as app:
            for path, (status, kind) in ANSWERS.items():
                for method in METHODS:
                    async with app.http.request(method, path.replace("{name}", "board.css")) as answer:
                        if method == "GET":
                            assert (answer.status, answer.content_type) == (status, kind), path
                        else:
                            assert (answer.status, answer.headers["Allow"]) == (405, "GET"), (method, path)

    asyncio.run(case())


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/board", "/v1/stream", "/metrics", "/static/board.js", "/nothing", "/v1/kpis?by=year", "/?lang=fr"],
)
def test_every_answer_carries_the_security_headers_and_no_server_version(web_kit, path):
    _, headers, _ = ask(web_kit, path)
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "font-src 'self'; base-uri 'none'; frame-ancestors 'self'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nothing", 404, "not found"),
        ("/v1/", 404, "not found"),
        ("/static/", 404, "not found"),
        ("/static/nothing.js", 404, "not found"),
        ("/static/..%2Froutes.py", 404, "not found"),
        ("/static/../routes.py", 404, "not found"),
        ("/v1/board?site=elsewhere", 404, "unknown site"),
        ("/v1/stream?site=elsewhere", 404, "unknown site"),
        ("/v1/kpis?site=elsewhere", 404, "unknown site"),
        ("/?site=elsewhere", 404, "unknown site"),
        ("/v1/kpis?site=%00", 404, "unknown site"),
        (
            "/v1/kpis?by=year",
            400,
            "by must be one of: total, unit, agent, counter, device, half_hour, hour, day, month, quarter, fiscal_year",
        ),
        ("/v1/kpis?from=yesterday", 400, "from must be a date such as 2026-11-21"),
        ("/v1/kpis?form=2026-11-21", 400, "unknown argument 'form'; known: site, from, to, by, lang"),
        ("/v1/kpis?by=day&by=unit", 400, "by is given more than once"),
        ("/?lang=fr", 400, "lang must be one of: th, en"),
    ],
)
def test_errors_are_json_with_clear_words(web_kit, path, status, words):
    answered, headers, body = ask(web_kit, path)
    assert (answered, headers["Content-Type"].split(";")[0]) == (status, "application/json")
    assert json.loads(body) == {"error": words}


def test_a_fault_inside_is_told_without_its_details(web_kit, caplog):
    service = web_kit.FakeService()
    service.broken = True
    status, _, body = ask(web_kit, "/v1/board", service=service)
    assert (status, json.loads(body)) == (500, {"error": "internal error"})
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 not http\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 20000])
def test_bytes_that_are_not_http_are_refused_without_an_echo(web_kit, sent):
    async def case():
        async with web_kit.running(web_kit.FakeService()) as app:
            reader, writer = await asyncio.open_connection(*app.address)
            writer.write(sent + b"\r\n\r\n")
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            return head, body

    head, body = asyncio.run(case())
    assert head.startswith(b"HTTP/1.") and b" 400 " in head.splitlines()[0]
    assert b"aiohttp" not in head and b"nosniff" in head
    assert json.loads(body) == {"error": "bad request"}


def test_one_site_needs_no_name_and_several_do(web_kit):
    assert ask(web_kit, "/v1/board")[0] == 200
    status, _, body = ask(web_kit, "/v1/board", service=two_sites(web_kit))
    assert (status, json.loads(body)) == (400, {"error": "site is missing"})


def test_several_sites_give_a_list_to_choose_from(web_kit):
    _, _, body = ask(web_kit, "/?lang=en", service=two_sites(web_kit))
    page = body.decode()
    assert "Choose a service centre" in page
    assert '<a href="?site=second&amp;lang=en">Second &lt;b&gt;office&lt;/b&gt;</a>' in page


def test_no_site_at_all_is_said_in_words(web_kit):
    service = web_kit.FakeService()
    service.boards = {}
    assert "ยังไม่ได้กำหนดศูนย์บริการ" in ask(web_kit, "/", service=service)[2].decode()


def test_the_page_is_thai_unless_asked_otherwise(web_kit):
    thai, english = ask(web_kit, "/")[2].decode(), ask(web_kit, "/?lang=en")[2].decode()
    assert '<html lang="th">' in thai and "ศูนย์ราชการสะดวก ที่ว่าการอำเภอเมืองปทุมธานี" in thai
    assert '<html lang="en">' in english and "Mueang Pathum Thani" in english


def test_the_page_has_nothing_inline_that_the_policy_would_block(web_kit):
    page = ask(web_kit, "/")[2].decode()
    assert " style=" not in page and "<style" not in page and " on" + "click" not in page
    assert page.count("<script") == page.count('<script type="module" src=') + page.count('type="application/json"')


def test_the_board_is_the_snapshot(web_kit):
    assert json.loads(ask(web_kit, f"/v1/board?site={SITE}")[2]) == web_kit.board()


def test_what_is_not_a_number_is_sent_as_null(web_kit):
    service = web_kit.FakeService()
    service.boards[SITE]["today"][0]["value"] = float("nan")
    service.boards[SITE]["today"][1]["ci_high"] = float("inf")
    rows = json.loads(ask(web_kit, "/v1/board", service=service)[2])["today"]
    assert rows[0]["value"] is None and rows[1]["ci_high"] is None


def test_kpis_get_what_the_reader_asked_for(web_kit):
    service = web_kit.FakeService()
    status, _, body = ask(
        web_kit, f"/v1/kpis?site={SITE}&from=2026-11-01&to=2026-11-21&by=day&lang=th", service=service
    )
    assert status == 200
    assert service.asked == [(SITE, "2026-11-01", "2026-11-21", "day", "th")]
    assert set(json.loads(body)[0]) == {
        *("kpi", "site", "unit", "from", "to", "value", "numerator", "denominator", "n"),
        *("ci_low", "ci_high", "target", "target_since", "coverage", "verdict", "definition"),
    }


def test_kpis_without_a_period_leave_it_to_the_service(web_kit):
    service = web_kit.FakeService()
    ask(web_kit, "/v1/kpis", service=service)
    assert service.asked == [(SITE, None, None, "total", "en")]


def test_too_many_questions_at_once_are_asked_to_come_again(web_kit):
    class Busy(web_kit.FakeService):
        async def kpis(self, *_):
            raise BusyError("too many questions at once")

    status, headers, body = ask(web_kit, "/v1/kpis", service=Busy())
    assert (status, headers["Retry-After"]) == (503, "2")
    assert json.loads(body) == {"error": "too many questions at once"}


def test_not_ready_is_503_with_the_facts(web_kit):
    service = web_kit.FakeService()
    service.is_ready = False
    status, _, body = ask(web_kit, "/readyz", service=service)
    assert (status, json.loads(body)["ready"]) == (503, False)
    assert ask(web_kit, "/healthz", service=service)[0] == 200


def test_an_unchanged_file_is_not_sent_again(web_kit):
    _, headers, body = ask(web_kit, "/static/board.js")
    status, _, again = ask(web_kit, "/static/board.js", headers={"If-None-Match": headers["ETag"]})
    assert body and (status, again) == (304, b"")


def test_a_body_beyond_the_limit_changes_nothing(web_kit):
    status, _, body = ask(web_kit, "/v1/kpis", method="POST", data=io.BytesIO(b"x" * 2_000_000))
    assert (status, "error" in json.loads(body)) == (405, True)


def test_serve_tells_where_it_listens_and_stops_listening(web_kit):
    async def case():
        async with web_kit.running(web_kit.FakeService()) as app:
            assert app.address[0] == "127.0.0.1" and app.address[1] > 0
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get(app.url + "/healthz")

    asyncio.run(case())


def test_sources_are_told_for_one_site_and_nothing_else_is_asked(web_kit):
    status, _, body = ask(web_kit, "/v1/sources")
    assert (status, [row["id"] for row in json.loads(body)]) == (200, [s["id"] for s in web_kit.board()["sources"]])
    assert ask(web_kit, "/v1/sources?site=nowhere")[0] == 404
    assert ask(web_kit, "/v1/sources?device=1")[0] == 400


def test_definitions_are_a_page_without_scripts_and_rows_for_programs(web_kit):
    async def ask():
        async with web_kit.running(web_kit.FakeService()) as web:
            page = await web.http.get("/definitions", params={"lang": "en"})
            text = await page.text()
            rows = await (await web.http.get("/v1/definitions")).json()
            refused = await web.http.get("/definitions", params={"by": "unit"})
            return page.status, page.headers["Content-Security-Policy"], text, rows, refused.status

    status, policy, text, rows, refused = asyncio.run(ask())
    assert (status, refused) == (200, 400)
    assert "script" not in text
    assert "&lt;b&gt;group" in text
    assert "unsafe" not in policy
    assert all(f'id="{row["kpi"]}"' in text for row in rows)
    assert {"kpi", "label", "group", "definition", "facts", "criteria"} == rows[0].keys()


def test_staffing_gets_what_the_reader_asked_for(web_kit):
    service = web_kit.FakeService()
    asked = f"/v1/staffing?site={SITE}&unit=idcard&weeks=2&what_if=mon%2010:00%20%2B1&lang=th"
    assert ask(web_kit, asked, service=service)[0] == 200
    ask(web_kit, "/v1/staffing", service=service)
    assert service.asked == [(SITE, "idcard", 2, "mon 10:00 +1", "th"), (SITE, None, 4, None, "en")]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("weeks=two", "weeks must be a whole number"),
        ("weeks=-1", "weeks must be a whole number"),
        ("what_if=more", "what-if: expected a half-hour and a change"),
        ("what-if=mon", "unknown argument 'what-if'; known: site, unit, weeks, what_if, lang"),
    ],
)
def test_a_wrong_question_about_staffing_is_refused_in_words(web_kit, asked, words):
    status, _, body = ask(web_kit, f"/v1/staffing?{asked}")
    assert (status, json.loads(body)) == (400, {"error": words})
