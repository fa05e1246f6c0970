"""The command `gecc`. Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from telemetry import commands, simulate
from telemetry.config import ConfigError
from telemetry.figures import BY
from telemetry.journal_reader import JournalError


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        result: int = args.run(args)
        sys.stdout.flush()
    except ConfigError as problem:
        print(*problem.problems, sep="\n", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has seen enough
        return 0
    except (JournalError, OSError, ValueError) as problem:
        print(f"gecc: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, ValueError) else 1
    except KeyboardInterrupt:
        return 130
    return result


def _later(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """A command whose module is imported when it is called: a service that starts anew must be back soon."""

    def command(args: argparse.Namespace) -> int:
        result: int = getattr(import_module(f"telemetry.commands.{module}"), name)(args)
        return result

    return command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gecc", description="Call-centre and queue telemetry for service centres.")
    parser.add_argument("--version", action="version", version=commands.VERSION)
    sub = parser.add_subparsers(required=True, metavar="COMMAND")

    p = sub.add_parser("run", help="run the service")
    p.add_argument("--config", type=Path, required=True, metavar="FILE", help="gecc.toml")
    p.set_defaults(run=commands.run)

    p = sub.add_parser("demo", help="a whole centre on this machine: broker, devices, telephone log, service")
    p.add_argument("--seed", type=int, default=1, help="another seed is another day (default 1)")
    p.add_argument("--speed", type=float, default=1.0, help="how many times faster than real time it goes on")
    p.add_argument(
        "--pbx",
        choices=(simulate.QUEUE_LOG, *simulate.MAKES),
        default=simulate.QUEUE_LOG,
        help=f"whose call log it writes (default {simulate.QUEUE_LOG})",
    )
    p.add_argument(
        "--buttons",
        choices=(simulate.OWN, *simulate.BUTTONS),
        default=simulate.OWN,
        help=f"what its satisfaction buttons speak (default {simulate.OWN})",
    )
    p.set_defaults(run=commands.demo)

    p = sub.add_parser("simulate", help="a believable day of a centre, to any broker and a queue_log")
    simulate.add_arguments(p)
    p.set_defaults(run=simulate.run)

    p = sub.add_parser("import", help="take logs of the past into the journal; the same log twice changes nothing")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="data folder; made when missing")
    p.add_argument("--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one")
    p.add_argument("--site", required=True, metavar="S")
    p.add_argument("--format", required=True, choices=commands.IMPORTED)
    p.add_argument(
        "--source", metavar="ID", help="source these logs belong to (default: the site's source of the format)"
    )
    p.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the source, such as timezone=UTC"
    )
    p.add_argument("files", type=Path, nargs="+", metavar="FILE", help="in the order they were written; .gz too")
    p.set_defaults(run=commands.import_files)

    p = sub.add_parser("check-source", help="what a log or a live source is, what it holds, and its settings to paste")
    p.add_argument(
        "source",
        metavar="FILE|URL",
        help="a file, tcp://host:port, tcp-listen://address:port, ami://user@host:port or mqtt://user@host:port/topic",
    )
    p.add_argument("--format", choices=commands.IMPORTED, help="read it as this, whatever it looks like")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the source")
    p.add_argument("--timezone", default="Asia/Bangkok", metavar="ZONE", help="the centre's zone, for what is printed")
    p.add_argument("--seconds", type=float, default=30.0, help="how long to listen to a live source (default 30)")
    p.add_argument("--rejects", type=int, default=50, metavar="N", help="how many rejects to print (default 50)")
    p.add_argument("--json", action="store_true", help="one JSON object")
    p.set_defaults(run=_later("check_source", "check_source"))

    p = sub.add_parser("commission", help="trace test tickets or presses of a device to the figures; a report to sign")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="data folder of the running service")
    p.add_argument("--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one")
    p.add_argument("--site", required=True, metavar="S")
    p.add_argument("--device", required=True, metavar="D", help="a kiosk or a button of the site")
    p.add_argument("--count", type=int, default=20, metavar="N", help="tickets or presses of the test (default 20)")
    p.add_argument("--seconds", type=float, default=600.0, help="how long to wait for them (default 600)")
    p.add_argument("--url", default="http://127.0.0.1:8080", help="where the service listens")
    p.add_argument("--lang", choices=("en", "th"), default="en", help="language of the report")
    p.add_argument("--out", type=Path, metavar="FILE", help="file for the report (default: it is printed)")
    p.add_argument("--json", action="store_true", help="one JSON object")
    p.set_defaults(run=_later("commission", "commission"))

    p = sub.add_parser("kpis", help="the figures of a site, or of all")
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    p.add_argument("--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one")
    p.add_argument("--site", metavar="S", help="default: every site of the configuration, one line a site and figure")
    p.add_argument("--from", dest="first", metavar="DATE", help="first day, or date and time on a quarter of an hour")
    p.add_argument("--to", dest="last", metavar="DATE", help="end of the period; this day or time is not in it")
    p.add_argument(
        "--by", choices=BY, default="total", help="quarters are those of the fiscal year, October to September"
    )
    p.add_argument("--format", choices=("table", "json", "csv"), default="table")
    p.add_argument("--lang", choices=("en", "th"), default="en", help="language of names and definitions")
    p.set_defaults(run=commands.kpis)

    p = sub.add_parser("correct", help="void an event, or add one that no source told: signed, with who and why")
    _correct(p.add_subparsers(required=True, metavar="COMMAND"))

    p = sub.add_parser("seal", help="close the days of a site that are due, or check those that are sealed")
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    p.add_argument("--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one")
    p.add_argument("--site", required=True, metavar="S")
    p.add_argument("--verify", action="store_true", help="check every record, hash and signature; nothing is sealed")
    p.add_argument("--json", action="store_true", help="one JSON list")
    p.set_defaults(run=_later("seal", "seal"))

    p = sub.add_parser("evidence", help="packs of evidence from sealed days, and the lists of criteria")
    _evidence(p.add_subparsers(required=True, metavar="COMMAND"))

    p = sub.add_parser("definitions", help="every figure explained: formula, source, exclusions, settings")
    p.add_argument("--config", type=Path, metavar="FILE", help="with the rules of a site in this gecc.toml")
    p.add_argument("--site", metavar="S", help="which site of it")
    p.add_argument("--lang", choices=("en", "th"), default="en")
    p.add_argument("--format", choices=("markdown", "json"), default="markdown")
    p.set_defaults(run=_later("definitions", "definitions"))

    p = sub.add_parser(
        "staffing", help="agents and counters needed by half-hour of the week, and the next weeks' arrivals"
    )
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    p.add_argument("--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one")
    p.add_argument("--site", required=True, metavar="S")
    p.add_argument("--unit", metavar="U", help="one queue or service (default: every one, and all services together)")
    p.add_argument("--weeks", type=int, default=4, metavar="N", help="weeks to forecast (default 4)")
    p.add_argument("--what-if", metavar="CHANGE", help='one more or fewer at a half-hour: "mon 10:00 +1" or "10:00 +1"')
    p.add_argument("--lang", choices=("en", "th"), default="en", help="language of the report")
    p.add_argument("--json", action="store_true", help="one JSON object")
    p.set_defaults(run=_later("staffing", "staffing"))

    p = sub.add_parser("dashboards", help="what Grafana and Prometheus show and watch")
    parts = p.add_subparsers(required=True, metavar="COMMAND")
    p = parts.add_parser("build", help="write the dashboards in two languages, and the rules and alerts")
    p.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder; files of the same names are replaced"
    )
    p.set_defaults(run=_later("dashboards", "dashboards_build"))

    p = sub.add_parser("token", help="a new token for who sends by HTTP, and the hash of it that gecc.toml holds")
    p.set_defaults(run=commands.token)

    p = sub.add_parser("backup", help="a copy of the journal as it stands now, while the service runs")
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    p.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the copy; a folder gets one named by its time"
    )
    p.add_argument("--keys", type=Path, metavar="FILE", help="copy keys.json too, to a place of its own")
    p.set_defaults(run=_later("backup", "backup"))

    p = sub.add_parser("broker", help="certificates and accounts for a Mosquitto that lets in our devices only")
    broker = p.add_subparsers(required=True, metavar="COMMAND")
    p = broker.add_parser("certificates", help="an authority of our own, and the broker's certificate; again renews")
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument("--host", action="append", required=True, metavar="NAME", help="as devices call it; may be repeated")
    p.add_argument("--owner", metavar="USER", help="who runs the broker, where that is another")
    p.set_defaults(run=_later("broker", "certificates"))
    p = broker.add_parser("accounts", help="an account and its rules for each device; again adds and removes")
    p.add_argument("--config", type=Path, required=True, metavar="FILE", help="gecc.toml")
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument("--owner", metavar="USER", help="who runs the broker, where that is another")
    p.add_argument("--renew", action="append", default=[], metavar="ACCOUNT", help="a new password for it")
    p.set_defaults(run=_later("broker", "accounts"))

    p = sub.add_parser("config", help="look at a configuration")
    config = p.add_subparsers(required=True, metavar="COMMAND")
    p = config.add_parser("check", help="list everything that is wrong in a file; exit code 2 when something is")
    p.add_argument("file", type=Path, metavar="FILE")
    p.set_defaults(run=commands.config_check)
    return parser


def _correct(parts: Any) -> None:
    for name, text in (
        ("void", "an event counts no more; void the void to take it back"),
        ("add", "an event that no source told; it counts like any other"),
        ("list", "what was corrected by hand, by whom and why; exit code 1 when a signature does not fit"),
    ):
        p = parts.add_parser(name, help=text)
        p.add_argument("--data", type=Path, required=True, metavar="DIR")
        p.add_argument(
            "--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one"
        )
        p.add_argument("--site", required=True, metavar="S")
        p.set_defaults(run=_later("correct", f"correct_{name}"))
        if name == "list":
            p.add_argument("--json", action="store_true", help="one JSON list")
            continue
        if name == "void":
            p.add_argument(
                "event", nargs="+", metavar="SEQ|ID",
                help="its journal offset (#123 of the drill pages), or its source's own id; several at once",
            )  # fmt: skip
            p.add_argument("--source", metavar="S", help="the device or log whose id that is")
        else:
            p.add_argument("--type", required=True, metavar="T", help="type of event, such as ticket.finished")
            p.add_argument(
                "--time", required=True, metavar="TIME", help="when it happened, ISO 8601; local without a zone"
            )
            p.add_argument("--unit", default="", metavar="U", help="service, queue or channel")
            p.add_argument("--contact", default="", metavar="C", help="ticket, call, conversation or case")
            p.add_argument("--party", default="", metavar="P", help="counter, or agent (kept as a pseudonym)")
            p.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="such as disposition=1")
        p.add_argument("--by", required=True, metavar="ROLE", help="who corrects: a role, never a name")
        p.add_argument("--why", required=True, metavar="TEXT", help="the reason, without anything of a person")
        p.add_argument("--seconds", type=float, default=10.0, help="how long to wait for the service (default 10)")


def _evidence(parts: Any) -> None:
    p = parts.add_parser("build", help="one zip with index, summary, a sheet for each criterion, raw data and seals")
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    p.add_argument("--config", type=Path, metavar="FILE", help="default: gecc.toml in the data folder, if there is one")
    p.add_argument(
        "--site",
        action="append",
        default=[],
        metavar="S",
        help="the centre; with --preset ministry several, one --site each, or all of the data folder without any",
    )
    p.add_argument("--fiscal-year", metavar="YEAR", help="October to September, by its Buddhist year: 2569")
    p.add_argument("--quarter", metavar="YEAR/N", help="quarter of a fiscal year: 2569/2")
    p.add_argument("--month", metavar="MONTH", help="2569-03 or 2026-03")
    p.add_argument(
        "--last-90-days",
        action="store_true",
        help="the 90 days up to the newest sealed one; what surprise-check takes without a period",
    )
    p.add_argument("--from", dest="first", metavar="DATE", help="first day")
    p.add_argument("--to", dest="last", metavar="DATE", help="end of the period; this day is not in it")
    p.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the zip; it stands there whole or not at all"
    )
    p.add_argument("--preset", default="full", choices=commands.PRESETS, help="what is in it (default full)")
    p.add_argument("--item", default="", metavar="ID", help="the item of --preset criterion, such as Q20.2")
    p.add_argument("--standard", choices=commands.STANDARDS, default=commands.STANDARDS[0], help="list of criteria")
    p.add_argument(
        "--criteria", type=Path, metavar="FILE", help="the items of the list, from a CSV file of the same columns"
    )
    p.add_argument("--lang", choices=("th", "en"), default="th", help="language of the documents (default th)")
    p.add_argument("--provisional", action="store_true", help="build although days are not sealed; said on every page")
    p.add_argument("--shares", action="store_true", help="print how long each step took")
    p.add_argument("--json", action="store_true", help="one JSON object")
    p.set_defaults(run=_later("evidence", "evidence_build"))

    p = parts.add_parser(
        "verify", help="check a pack: every file, seal and signature; exit code 1 when something is wrong"
    )
    p.add_argument("file", type=Path, metavar="FILE")
    p.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="CODE",
        help="check code, hash of the manifest or of a checkpoint that you were told; may be repeated",
    )
    p.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="the centre's key: its file minisign.pub, its line, its id, or its fingerprint",
    )
    p.add_argument("--json", action="store_true", help="one JSON object")
    p.set_defaults(run=_later("evidence", "evidence_verify"))

    p = parts.add_parser("criteria", help="the items of a list and the figures that show them")
    p.add_argument("--standard", choices=commands.STANDARDS, default=commands.STANDARDS[0])
    p.add_argument("--criteria", type=Path, metavar="FILE", help="a CSV file of the same columns")
    p.add_argument("--json", action="store_true", help="one JSON list")
    p.set_defaults(run=_later("evidence", "evidence_criteria"))


if __name__ == "__main__":
    sys.exit(main())
