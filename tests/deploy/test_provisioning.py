"""Grafana, Prometheus, Alertmanager and VictoriaMetrics of the stack, as their own tools read what they are given."""

from __future__ import annotations

import json
import re
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import yaml

from tests.deploy.shipped import ROOT
from tests.deploy.stack import COMPOSE, DEPLOY, PROFILES, config, mounts, on_this_machine
from tests.servers import Server, need, prometheus

# Grafana ---------------------------------------------------------------------------------------------------------------

PROVISIONING = DEPLOY / "grafana" / "provisioning"
SOURCE_KEYS = {"name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData", "secureJsonData"}
OWN = {"-- Grafana --", "-- Dashboard --", "-- Mixed --", "grafana"}


def datasources() -> list[dict[str, Any]]:
    files = [*(PROVISIONING / "datasources").iterdir(), *(PROVISIONING / "stores").iterdir()]
    return [row for file in files for row in yaml.safe_load(file.read_text("utf-8")).get("datasources", ())]


def test_datasources_are_complete_and_ask_services_of_the_stack(stack):
    rows = datasources()
    assert len({row["uid"] for row in rows}) == len({row["name"] for row in rows}) == len(rows) == 4
    assert [row["name"] for row in rows if row.get("isDefault")] == ["Prometheus"]
    for row in rows:
        assert row.keys() <= SOURCE_KEYS
        assert row["editable"] is False
        host, port = (url := urlsplit(row["url"])).hostname, url.port
        assert url.scheme == "http"
        tests = " ".join(stack["services"][host]["healthcheck"]["test"])
        assert f":{port}" in tests or tests == "CMD influx ping"
        for secret in re.findall(r"\$__file\{/run/secrets/([\w-]+)\}", str(row)):
            assert secret in str(stack["services"]["grafana"]["secrets"])
        assert not re.search(r"(?i)(password|token)'?: '?[a-z0-9]{8}", str(row))
        if uid := row["jsonData"].get("alertmanagerUid"):
            assert uid in {one["uid"] for one in rows if one["type"] == "alertmanager"}


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_gives_grafana_the_store_that_it_starts(profile):
    found = config(profile=profile)["services"]
    store = next(Path(s) for s, place, _ in mounts(found["grafana"]) if place.endswith("/datasources/store.yaml"))
    rows = yaml.safe_load(store.read_text("utf-8")).get("datasources", ())
    assert {urlsplit(row["url"]).hostname for row in rows} == {*found} & {"victoria-metrics", "influxdb"}


def test_dashboards_are_found_in_both_languages_and_home_is_today(stack):
    grafana = stack["services"]["grafana"]
    providers = yaml.safe_load((PROVISIONING / "dashboards" / "gecc.yaml").read_text("utf-8"))["providers"]
    uids: list[str] = []
    for provider in providers:
        assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
        folder = Path(on_this_machine(provider["options"]["path"], grafana))
        files = [*folder.glob("*.json")]
        assert len(files) >= 9
        uids += [json.loads(file.read_text("utf-8"))["uid"] for file in files]
    assert len(set(uids)) == len(uids)
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    for language in ("th", "en"):
        assert Path(on_this_machine(home.replace("/th/", f"/{language}/"), grafana)).is_file()
    assert home.endswith("/th/today.json")


def test_no_dashboard_asks_a_datasource_that_is_not_provisioned():
    known = {row["uid"] for row in datasources()}
    asked = set()
    for file in (ROOT / "dashboards" / "generated" / "grafana").rglob("*.json"):
        asked |= {uid for uid in _uids(json.loads(file.read_text("utf-8"))) if not uid.startswith("$")}
    assert asked <= known | OWN


def _uids(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        source = node.get("datasource")
        if isinstance(source, dict) and source.get("uid"):
            yield source["uid"]
        for one in node.values():
            yield from _uids(one)
    elif isinstance(node, list):
        for one in node:
            yield from _uids(one)


def test_nobody_enters_grafana_without_the_password_of_the_file(stack):
    grafana = stack["services"]["grafana"]["environment"]
    assert grafana["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert grafana["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert grafana["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana-admin-password"
    assert not [
        key
        for s in stack["services"].values()
        for key in s.get("environment", {})
        if re.search(r"(PASSWORD|TOKEN)$", key)
    ]


# Prometheus, Alertmanager, VictoriaMetrics -----------------------------------------------------------------------------


def test_prometheus_and_alertmanager_accept_what_is_mounted(stack, tmp_path):
    for name, tool in (("prometheus", ["promtool", "check", "config"]), ("alertmanager", ["amtool", "check-config"])):
        folder = tmp_path / name
        folder.mkdir()
        service = stack["services"][name]
        for source, place, _ in mounts(service):
            if "/" in source and Path(source).exists():
                (folder / Path(place).name).symlink_to(source)
        file = next(word.partition("=")[2] for word in service["command"] if word.startswith("--config.file="))
        done = subprocess.run([need(tool[0]), *tool[1:], folder / Path(file).name], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        if name == "prometheus":
            assert re.search(r"rule files? found|[1-9]\d* rules found", done.stdout + done.stderr)


def test_victoria_metrics_takes_what_prometheus_has_recorded(stack):
    """A real one, with the shipped file; only the addresses are those of this test."""
    shipped = (DEPLOY / "victoriametrics" / "scrape.yml").read_text("utf-8")
    rules = "groups: [{name: r, interval: 1s, rules: [{record: 'site:gecc_calls_lost:increase1h', expr: vector(7), labels: {site: a}}]}]"
    assert "victoria-metrics" in stack["services"]
    with prometheus([], rules=rules) as recorder:

        def command(port: int, folder: Path) -> list[str]:
            text = shipped.replace("prometheus:9090", f"127.0.0.1:{recorder.port}").replace("60s", "1s")
            (folder / "scrape.yml").write_text(text)
            return [
                need("victoria-metrics"), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}",
                f"-promscrape.config={folder}/scrape.yml", "-search.latencyOffset=0s", "-memory.allowedBytes=128MB",
            ]  # fmt: skip

        def ready(port: int) -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
                    return answer.status == 200
            except OSError:
                return False

        with Server(command, ready) as store:
            url = f"http://127.0.0.1:{store.port}"
            found: list[Any] = []
            for _ in range(300):
                urllib.request.urlopen(f"{url}/internal/force_flush", timeout=30).close()
                with urllib.request.urlopen(
                    f"{url}/api/v1/query?query={quote('site:gecc_calls_lost:increase1h')}"
                ) as answer:
                    found = json.load(answer)["data"]["result"]
                if found:
                    break
                time.sleep(0.2)
            assert [(row["metric"]["site"], row["value"][1]) for row in found] == [("a", "7")]


def test_the_service_is_asked_for_its_figures_where_it_listens(stack):
    listens = load_port()
    for file in ("prometheus/prometheus.yml", "victoriametrics/scrape.yml"):
        jobs = yaml.safe_load((DEPLOY / file).read_text("utf-8"))["scrape_configs"]
        gecc = next(job for job in jobs if job["job_name"] == "gecc")
        assert gecc["static_configs"][0]["targets"] == [f"gecc:{listens}"]
    assert f"127.0.0.1:{listens}/healthz" in " ".join(stack["services"]["gecc"]["healthcheck"]["test"])


def load_port() -> int:
    return tomllib.loads((COMPOSE / "gecc.toml").read_text("utf-8"))["web"]["port"]
