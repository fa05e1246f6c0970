"""An alert's whole way, with the shipped rules and configurations: figures → Prometheus → Alertmanager → a web hook."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from dashboards.rules import files
from tests.servers import Server, need

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
WAIT_S = 60.0
ALERTS = yaml.safe_load(files()["prometheus/alerts.yml"])["groups"]
PAGE = """
gecc_build_info{version="1"} 1
gecc_site_info{site="s1",province="p",name_th="ศูนย์ทดสอบ",name_en="Test Centre"} 1
gecc_unit_info{site="s1",unit="บัตร",kind="service",name_th="บัตรประชาชน",name_en="Identity card"} 1
gecc_service_open{site="s1"} 1
gecc_service_open{site="s2"} 1
gecc_ticket_wait_target_seconds{site="s1",unit="บัตร"} 900
gecc_longest_ticket_wait_seconds{site="s1",unit="บัตร"} WAIT
gecc_device_up{site="s1",unit="kiosk"} 1
gecc_device_up{site="s1",unit="button"} 1
gecc_device_up{site="s2",unit="kiosk"} UP
gecc_device_up{site="s2",unit="button"} 0
"""


class Web:
    """Shows a page of figures, and keeps what is posted to it."""

    def __init__(self) -> None:
        self.page, self.calls = "", []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = web.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                web.calls.append((self.path, said))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def told(self, status: str) -> dict[str, dict]:
        """Alert and unit → the newest of these, by any receiver."""
        return {
            f"{a['labels']['alertname']}/{a['labels'].get('unit', '')}": {**a, "receiver": said["receiver"]}
            for _, said in list(self.calls)
            for a in said["alerts"]
            if a["status"] == status
        }

    @contextmanager
    def running(self) -> Iterator[Web]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


def until(what: Callable[[], bool], why: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


def answers_at(path: str) -> Callable[[int], bool]:
    def ready(port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    return ready


def alertmanager(hook: str) -> Server:
    """The shipped routes and inhibitions; every receiver is the web hook, and nobody waits."""
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    for receiver in config["receivers"]:
        receiver.pop("email_configs", None)
        receiver["webhook_configs"] = [{"url": f"http://{hook}/{receiver['name']}", "send_resolved": True}]
    for route in (config["route"], *config["route"]["routes"]):
        route.update(group_wait="1s", group_interval="1s")

    def command(port: int, folder: Path) -> list[str]:
        (folder / "gecc.tmpl").write_text((DEPLOY / "alertmanager" / "gecc.tmpl").read_text())
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config, allow_unicode=True))
        return [
            need("prometheus-alertmanager"), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn",
        ]  # fmt: skip

    return Server(command, answers_at("/-/ready"))


def prometheus(page: str, manager: str) -> Server:
    """The shipped configuration, with seconds for minutes."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="500ms")
    config["global"]["external_labels"]["gecc_url"] = "http://gecc.example:8080"
    config["scrape_configs"][0]["static_configs"] = [{"targets": [page]}]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [manager]}]}]
    groups = [
        {**group, "interval": "500ms", "rules": [{**rule, "for": "1s"} for rule in group["rules"]]} for group in ALERTS
    ]

    def command(port: int, folder: Path) -> list[str]:
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules").chmod(0o755)
        (folder / "rules" / "alerts.yml").write_text(yaml.safe_dump({"groups": groups}, allow_unicode=True))
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        return [
            need("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", "--rules.alert.resend-delay=1s",
        ]  # fmt: skip

    return Server(command, answers_at("/-/ready"))


def shown(wait_s: int, up: int = 0) -> str:
    return PAGE.replace("WAIT", str(wait_s)).replace("UP", str(up))


def test_somebody_waits_too_long_and_the_office_is_told_in_thai_and_told_when_it_is_over():
    web = Web()
    web.page = shown(2700)
    with (
        web.running(),
        alertmanager(web.address) as manager,
        prometheus(web.address, f"127.0.0.1:{manager.port}") as server,
    ):

        def why() -> object:
            return web.calls, server.log, manager.log, web.page

        key = "GeccTicketWaitTooLong/บัตร"
        until(lambda: key in web.told("firing") and "GeccSiteOffline/" in web.told("firing"), why)
        alert = web.told("firing")[key]
        assert alert["receiver"] == "service"
        assert alert["annotations"]["summary_th"] == (
            "ศูนย์ทดสอบ: งานบัตรประชาชน มีผู้รอคิวแล้ว 45 นาที เกินระยะเวลาที่ประกาศ 15 นาที"
        )
        assert alert["annotations"]["summary_en"] == (
            "Test Centre: the first in the line for Identity card has waited 45 minutes; declared 15 minutes"
        )
        assert alert["annotations"]["runbook_url"] == "http://gecc.example:8080/runbooks?lang=th#ticket-wait-too-long"
        assert alert["labels"] == {
            "alertname": "GeccTicketWaitTooLong", "severity": "warning", "team": "service", "site": "s1", "unit": "บัตร",
        }  # fmt: skip
        offline = web.told("firing")["GeccSiteOffline/"]
        assert (offline["receiver"], offline["labels"]["site"]) == ("technical-at-once", "s2")
        time.sleep(2)  # what a silent centre's devices would have needed to be told of
        assert not any(name.startswith("GeccDeviceSilent") for name in web.told("firing"))

        web.page = shown(60, up=1)
        until(lambda: key in web.told("resolved") and "GeccDeviceSilent/button" in web.told("firing"), why)
        assert web.told("firing")["GeccDeviceSilent/button"]["receiver"] == "technical"
        assert "GeccDeviceSilent/kiosk" not in web.told("firing")


def test_the_service_gone_is_told_of_by_its_targets_name():
    web = Web()
    web.page = shown(60, up=1)
    with (
        web.running(),
        alertmanager(web.address) as manager,
        prometheus("127.0.0.1:1", f"127.0.0.1:{manager.port}") as server,
    ):
        until(lambda: "GeccServiceDown/" in web.told("firing"), lambda: (web.calls, server.log))
        alert = web.told("firing")["GeccServiceDown/"]
    assert alert["receiver"] == "technical-at-once"
    assert alert["annotations"]["summary_th"] == "ระบบ gecc-telemetry ไม่ตอบ (127.0.0.1:1)"


@pytest.mark.parametrize(
    "command",
    [
        ("amtool", "check-config", "alertmanager/alertmanager.yml"),
        ("promtool", "check", "config", "--lint=all", "prometheus/prometheus.yml"),
    ],
)
def test_the_shipped_configurations_are_valid(command):
    program, *arguments, path = command
    run = subprocess.run([need(program), *arguments, str(DEPLOY / path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_secret_stands_in_a_configuration():
    for path in ("alertmanager/alertmanager.yml", "prometheus/prometheus.yml"):
        for line in (DEPLOY / path).read_text().splitlines():
            assert not any(
                word in line and f"{word}_file" not in line for word in ("_password:", "credentials:", "_token:")
            )


def test_every_alert_finds_a_receiver_by_its_labels():
    config = str(DEPLOY / "alertmanager" / "alertmanager.yml")
    seen = {}
    for labels in {tuple(sorted(r["labels"].items())) for g in ALERTS for r in g["rules"]}:
        pairs = [f"{name}={value}" for name, value in labels if name != "kpi"]
        run = subprocess.run(
            [need("amtool"), "config", "routes", "test", f"--config.file={config}", *pairs, "site=s9"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = dict(labels)
        seen[found["severity"], found["team"]] = run.stdout.strip()
    assert seen == {
        ("critical", "technical"): "technical-at-once",
        ("warning", "technical"): "technical",
        ("warning", "service"): "service",
        ("info", "service"): "service",
        ("info", "technical"): "technical",
    }


def rendered(template: str, folder: Path, **changed: object) -> str:
    alert = {
        "status": "firing",
        "labels": {"alertname": "GeccCallsLost", "severity": "warning", "site": "s1"},
        "annotations": {f"{part}_{lang}": f"{part} {lang}" for part in ("summary", "description", "runbook_url") for lang in ("th", "en")},
        "startsAt": "2028-02-29T01:05:00Z",
        "endsAt": "2028-02-29T17:30:00Z",
        **changed,
    }  # fmt: skip
    data = folder / "data.json"
    data.write_text(
        json.dumps(
            {
                "receiver": "service",
                "status": alert["status"],
                "alerts": [alert],
                "groupLabels": {},
                "commonLabels": {},
                "commonAnnotations": {},
            }
        )
    )
    run = subprocess.run(
        [
            need("amtool"), "template", "render", f"--template.glob={DEPLOY}/alertmanager/gecc.tmpl",
            f'--template.text={{{{ template "{template}" . }}}}', f"--template.data={data}",
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_mails_tell_the_time_of_thailand_with_the_buddhist_year(tmp_path):
    text = rendered("gecc.text", tmp_path)
    assert "เริ่มเมื่อ 29/2/2571 เวลา 08.05 น." in text
    assert "Since 29 Feb 2028 08:05" in text
    assert "กลับเป็นปกติ" not in text
    assert "กลับเป็นปกติเมื่อ 1/3/2571 เวลา 00.30 น.: summary th" in rendered("gecc.text", tmp_path, status="resolved")


def test_the_subject_is_the_thai_summary(tmp_path):
    assert rendered("gecc.subject", tmp_path).strip() == "[เตือน] summary th"
    assert rendered("gecc.subject", tmp_path, status="resolved").strip() == "[กลับเป็นปกติ] summary th"
    page = rendered("gecc.html", tmp_path)
    assert '<a href="runbook_url th">' in page
