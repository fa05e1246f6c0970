"""`make bench`: every measurement, one after another, with sizes that fit a coffee break; give the scripts other ones by hand.

`make bench QUICK=1` gives them sizes at which they only show that they run. What fails is told at the end, and ends with 1;
what needs a server that is not here is left out, and said.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Script(NamedTuple):
    """One measurement. `usual` and `quick` are its arguments; `needs` is a program of Debian's package of that name."""

    name: str
    usual: str = ""
    quick: str = ""
    needs: str = ""


SCRIPTS = (
    Script("kiosk_json.py", "", "--count 2000"),
    Script("mqtt_readers.py", "--count 100000", "--count 3000 --runs 1", "mosquitto"),
    Script("ingest.py", "--count 200000 --history 2000000", "--count 5000 --history 20000 --runs 1", "mosquitto"),
    Script("formats.py", "", "generic_csv"),
    Script("importing.py", "", "--times 2"),
    Script("latency.py", "", "--rate 50 --seconds 2 --limit 60", "mosquitto"),
    Script("kpi_days.py", "", "--calls 100000 --runs 1"),
    Script("kpi_events.py", "", "--calls 100000 --runs 1"),
    Script("kpi_growth.py", "", "--sizes 0.05 0.1 --runs 1"),
    Script("kpi_cube.py", "", "--quick --runs 1"),
    Script("evidence.py", "", "--days 10 --visitors 20 --calls 20"),
    Script("retention.py", "--days 100", "--days 10"),
    Script("metrics.py", "", "--sites 10 --runs 1"),
    Script("influxdb.py", "", "--days 3", "victoria-metrics"),
)


def here(program: str) -> bool:
    return not program or any(shutil.which(program, path=path) for path in (None, "/usr/sbin:/usr/local/sbin"))


def main(argv: list[str] | None = None, scripts: tuple[Script, ...] = SCRIPTS) -> int:
    parser = argparse.ArgumentParser(description="every measurement")
    parser.add_argument("--quick", action="store_true", help="small sizes, whose results say nothing of the speed")
    args = parser.parse_args(argv)
    failed, left_out = [], []
    for script in scripts:
        arguments = (script.quick if args.quick else script.usual).split()
        print(f"\n== {' '.join([script.name, *arguments])}", flush=True)
        if not here(script.needs):
            print(f"left out: {script.needs} is not installed (Debian: apt-get install {script.needs})")
            left_out.append(script.name)
            continue
        began = time.monotonic()
        code = subprocess.run([sys.executable, str(HERE / script.name), *arguments], check=False).returncode
        print(f"-- {time.monotonic() - began:.0f} s" + (f", FAILED with exit code {code}" if code else ""), flush=True)
        if code:
            failed.append(script.name)
    print(f"\n{len(scripts) - len(failed) - len(left_out)} of {len(scripts)} measurements are good")
    for what, names in (("failed", failed), ("left out", left_out)):
        if names:
            print(f"{what}: {', '.join(names)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
