"""The second reading of calls against the core: on a real telephone day in small, as one log and as two tell it, and on a
week of the simulated centre."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.formats.asterisk_cel import Cel
from collectors.formats.asterisk_queue_log import QueueLog
from collectors.formats.options import Options
from kpis.calls import call_kpis
from kpis.results import KPIS
from telemetry.config import Site
from tests.kpis.second_reading import calls
from tests.kpis.second_reading.base import Contacts
from tests.kpis.simulated import SITE, token, week
from tests.kpis.test_properties import agree, by_place, everything
from tests.kpis.worlds import World, cube, names_of

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
LAB_SITE = Site(id="bangrak", fcr_window_s=300.0, ring_clock="agent_last")
"""Its sources are those that tell of one telephone system in every world."""
OURS = [kpi.name for kpi in call_kpis.KPIS]


def simulated():
    """The window of repeat calls is over for most of them within the week."""
    site = replace(SITE, fcr_window_s=86_400.0)
    return replace(week(), sites=(site,)), site


def one_log():
    return lab(queue_log()), LAB_SITE


def two_logs():
    """The channel events tell of every call, queue_log lost each third line."""
    cel = gzip.decompress((LAB / "cel.csv.gz").read_bytes()).split(b"\n")[:-1]
    told = Cel(site=LAB_SITE.id, source="bangrak-cel", options=Options(timezone="UTC")).feed(cel, 0).events
    return lab([*(e for i, e in enumerate(queue_log()) if i % 3), *told]), LAB_SITE


def queue_log():
    lines = (LAB / "queue_log").read_bytes().split(b"\n")[:-1]
    return QueueLog(site=LAB_SITE.id, source="bangrak-log").feed(lines, 0).events


def lab(events):
    tokens = {}
    return World(tuple(e._replace(person="", caller=token(e.person, tokens)) for e in events), (LAB_SITE,))


@pytest.fixture(scope="module", params=[simulated, one_log, two_logs], ids=lambda stream: stream.__name__)
def told(request):
    """Every row of the core by queue, and in total under None; and what the second reading found."""
    world, site = request.param()
    names = names_of(world)
    core = cube(world, names)
    rows = {unit: of for (kind, _, unit), of in by_place(core, names.texts).items() if kind == "unit"}
    in_time = sorted(world.events, key=lambda e: e.time_us)
    return {None: everything(core), **rows}, Contacts(calls.read(in_time, site, Contacts()))


def test_every_row_of_calls_is_read_twice():
    assert set(calls.KPIS) == set(OURS) <= set(KPIS)


def test_both_readings_say_the_same_of_every_queue(told):
    rows, contacts = told
    for unit, of in rows.items():
        here = contacts if unit is None else contacts.where(lambda c, u=unit: c.unit == u)
        agree({name: of[name] for name in OURS}, here, unit)


def test_the_streams_have_what_queues_have(told):
    of = told[0][None]
    for name in ("calls_answered", "calls_abandoned", "rings_to_answer_max", "fcr_eligible", "calls_transferred"):
        assert of[name][0] > 0, name
