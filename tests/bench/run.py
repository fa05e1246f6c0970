"""`make bench`: every measurement, with sizes that fit a coffee break; give the scripts other ones by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS: tuple[tuple[str, ...], ...] = (
    ("kiosk_json.py",),
    ("mqtt_readers.py", "--count", "100000"),
    ("ingest.py", "--count", "200000", "--history", "2000000"),
    ("formats.py",),
    ("importing.py",),
    ("latency.py",),
    ("kpi_days.py",),
    ("kpi_events.py",),
    ("kpi_growth.py",),
    ("kpi_cube.py",),
    ("evidence.py",),
    ("retention.py", "--days", "100"),
    ("metrics.py",),
)

for script, *arguments in SCRIPTS:
    print(f"\n== {script} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)
