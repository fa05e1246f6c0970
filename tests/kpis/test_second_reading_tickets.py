"""The second reading of tickets against the core on a week of the simulated centre, whole and with lines lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kpis.results import KPIS
from kpis.tickets import ticket_kpis
from tests.kpis.second_reading import tickets
from tests.kpis.second_reading.base import Contacts
from tests.kpis.simulated import SITE, week
from tests.kpis.test_properties import agree, by_place, everything
from tests.kpis.worlds import cube, names_of

OURS = [kpi.name for kpi in ticket_kpis.KPIS]


@pytest.fixture(scope="module", params=["whole", "lossy"])
def told(request):
    """Every row of the core by service, and in total under None; and what the second reading found."""
    world = week()
    if request.param == "lossy":
        world = replace(world, events=tuple(e for i, e in enumerate(world.events) if i % 13))
    names = names_of(world)
    core = cube(world, names)
    rows = {unit: of for (kind, _, unit), of in by_place(core, names.texts).items() if kind == "unit"}
    return {None: everything(core), **rows}, Contacts(tickets.read(world.events, SITE, Contacts()))


def test_every_row_of_tickets_is_read_twice():
    assert set(tickets.KPIS) == set(OURS) <= set(KPIS)


@pytest.mark.parametrize("name", OURS)
def test_a_simulated_week_says_the_same_to_both_readings_in_every_service(told, name):
    rows, contacts = told
    assert len(rows) > 5
    for unit, of in rows.items():
        here = contacts if unit is None else contacts.where(lambda c, u=unit: c.unit == u)
        agree({name: of[name]}, here, unit)


def test_the_simulated_week_has_what_queues_have(told):
    of = told[0][None]
    for name in ("ticket_wait_seconds_p50", "tickets_no_show", "ticket_recalls", "ticket_transfers_to_other_service"):
        assert of[name][0] > 0
