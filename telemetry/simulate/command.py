"""`gecc simulate`: play an invented day against any broker and the log of any PBX, and tell what truly happened in it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import date
from pathlib import Path

import aiomqtt

from telemetry.simulate.buttons import BUTTONS, OWN
from telemetry.simulate.day import Day, simulate_day
from telemetry.simulate.demo import demo_config_toml
from telemetry.simulate.feed import run_simulation
from telemetry.simulate.makes.table import MAKES, QUEUE_LOG
from telemetry.simulate.plan import CALLS, VISITORS, yesterday

ZONE = "Asia/Bangkok"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", default="demo", help="id of the site in gecc.toml")
    parser.add_argument(
        "--host", default="", help="broker to publish to; without it only the log of the PBX is written"
    )
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--mqtt-version", choices=("5", "3.1.1"), default="5")
    parser.add_argument("--username", default="")
    parser.add_argument("--password-file", type=Path, help="file whose first line is the broker's password")
    parser.add_argument(
        "--pbx", choices=(QUEUE_LOG, *MAKES), default=QUEUE_LOG, help=f"what the PBX is (default {QUEUE_LOG})"
    )
    parser.add_argument(
        "--pbx-log", type=Path, metavar="FILE", help="its log, which is appended to; for freeswitch_json_cdr a folder"
    )
    parser.add_argument(
        "--buttons", choices=(OWN, *BUTTONS), default=OWN, help=f"what the satisfaction buttons speak (default {OWN})"
    )
    parser.add_argument(
        "--date",
        type=date.fromisoformat,
        help="day to simulate (default: yesterday); should be over, and not older than 6 days for a live service",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same day")
    parser.add_argument(
        "--speed", type=float, default=0, help="60 plays an hour in a minute; 0, the default, as fast as possible"
    )
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--calls", type=int, default=CALLS, help="first calls; some call again")
    parser.add_argument("--print-config", action="store_true", help="print the gecc.toml of this centre and end")
    parser.add_argument("--json", action="store_true", help="print what happened as one JSON object")


def run(args: argparse.Namespace) -> int:
    """0 when everything was taken; 1 when broker or file failed; 2 for arguments that make no day."""
    if min(args.seed, args.speed, args.visitors, args.calls) < 0:
        print("gecc simulate: --seed, --speed, --visitors and --calls cannot be negative", file=sys.stderr)
        return 2
    if args.print_config:
        print(demo_config_toml(args.site, args.port, 8080, args.pbx_log or Path("pbx.log"), args.pbx, args.buttons))
        return 0
    day = simulate_day(
        site=args.site,
        day=args.date or yesterday(ZONE),
        timezone=ZONE,
        seed=args.seed,
        visitors=args.visitors,
        calls=args.calls,
    )
    try:
        password = args.password_file.read_text().partition("\n")[0].strip() if args.password_file else ""
        asyncio.run(
            run_simulation(
                day,
                host=args.host,
                port=args.port,
                mqtt_version=args.mqtt_version,
                username=args.username,
                password=password,
                pbx=args.pbx,
                pbx_log=args.pbx_log,
                buttons=args.buttons,
                speed=args.speed,
            )
        )
    except (aiomqtt.MqttError, OSError) as error:
        print(f"gecc simulate: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"gecc simulate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gecc simulate: stopped; the figures below are of the whole day", file=sys.stderr)
    print(json.dumps(summary(day)) if args.json else _table(summary(day)))
    return 0


def summary(day: Day) -> dict[str, int | float]:
    """The simulator's own truth, with what follows from it; nothing of it comes from the service."""
    truth = day.truth
    means = {
        "ticket_wait_mean_s": truth["ticket_wait_ms"] / 1000 / truth["tickets_called"]
        if truth["tickets_called"]
        else None,
        "call_wait_mean_s": truth["call_wait_s"] / truth["calls_answered"] if truth["calls_answered"] else None,
        "vote_mean": truth["vote_score_sum"] / truth["votes"] if truth["votes"] else None,
    }
    counts = {"messages": sum(bool(a.device) for a in day.actions), "log_lines": sum(bool(a.line) for a in day.actions)}
    return truth | counts | {name: round(mean, 3) for name, mean in means.items() if mean is not None}


def _table(figures: dict[str, int | float]) -> str:
    width = max(map(len, figures))
    return "\n".join(f"{name:<{width}}  {value:>12,}" for name, value in figures.items())
