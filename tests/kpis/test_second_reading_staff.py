"""The second reading of agents, counters and cover against the core: on a real telephone day in small, as one log and as
two tell it, and on a week of the simulated centre, whole and with lines lost."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.formats.asterisk_ami import AsteriskAmi
from collectors.formats.asterisk_queue_log import QueueLog
from kpis.results import KPIS
from kpis.staff import agents, counters
from telemetry.config import Site
from tests.kpis.second_reading import agents as of_agents
from tests.kpis.second_reading import counters as of_counters
from tests.kpis.second_reading import cover
from tests.kpis.second_reading.base import Contacts
from tests.kpis.simulated import SITE, week
from tests.kpis.test_properties import agree, by_place, everything
from tests.kpis.worlds import World, cube, names_of

LAB = Path(__file__).parent.parent / "data" / "asterisk-lab"
LAB_SITE = Site(id="bangrak")
"""Its sources are those that tell of one telephone system in every world."""
OURS = {kpi.name for kpi in (*agents.KPIS, *counters.KPIS)}
FAMILIES = of_agents, of_counters, cover


def simulated():
    return week(), SITE


def with_lines_lost():
    world = week()
    return replace(world, events=tuple(e for i, e in enumerate(world.events) if i % 13)), SITE


def one_log():
    return lab(queue_log()), LAB_SITE


def two_logs():
    """The manager interface tells of what queue_log tells; of that, each third line was lost."""
    lines = gzip.decompress((LAB / "ami.log.gz").read_bytes()).split(b"\n")
    told = AsteriskAmi(site=LAB_SITE.id, source="bangrak-cel").feed(lines, 0).events
    return lab([*(e for i, e in enumerate(queue_log()) if i % 3), *told]), LAB_SITE


def queue_log():
    lines = (LAB / "queue_log").read_bytes().split(b"\n")[:-1]
    return QueueLog(site=LAB_SITE.id, source="bangrak-log").feed(lines, 0).events


def lab(events):
    return World(tuple(e._replace(person="") for e in events), (LAB_SITE,))


@pytest.fixture(scope="module", params=[simulated, with_lines_lost, one_log, two_logs], ids=lambda of: of.__name__)
def told(request):
    """Every row of the core by agent, counter, queue and centre, and in total under None; and the second reading."""
    world, site = request.param()
    names = names_of(world)
    core = cube(world, names)
    in_time = sorted(world.events, key=lambda e: e.time_us)
    contacts = Contacts()
    for family in FAMILIES:
        contacts.update(family.read(in_time, site, contacts))
    return {None: everything(core), **by_place(core, names.texts)}, contacts


def test_every_row_of_agents_and_counters_is_read_twice():
    assert {name for family in FAMILIES for name in family.KPIS} == OURS <= set(KPIS)


def test_both_readings_say_the_same_of_every_agent_counter_and_queue(told):
    rows, contacts = told
    for place, of in rows.items():
        here = contacts if place is None else contacts.where(lambda c, at=place: (c.by, c.site, c.unit) == at)
        agree({name: of[name] for name in OURS & set(of)}, here, place)


def test_the_streams_have_what_agents_do(told):
    of = told[0][None]
    for name in ("agent_calls", "agent_available_ms", "agent_paused_ms", "agent_busy_ms", "agent_services_mean"):
        assert of[name][0] > 0, name
