"""gecc dashboards build: dashboards for Grafana and rules for Prometheus, written from the table of KPIs."""

from __future__ import annotations

from argparse import Namespace


def dashboards_build(args: Namespace) -> int:
    """gecc dashboards build"""
    from dashboards import build  # noqa: PLC0415  its typed panels take a second to load, which no other command needs

    for path in build.write(args.out, build.files()):
        print(path)
    return 0
