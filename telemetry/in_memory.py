"""Events as columns without a journal: for looking at a source before anything of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kpis.columns import Columns, hash_names
from telemetry.events import EVENT_TYPES, Event
from telemetry.privacy import identity, normal_form


class Names:
    """Codes of names, given in the order in which they are met; "" is 0."""

    def __init__(self) -> None:
        self.texts = [""]
        self._codes = {"": 0}

    def code(self, name: str) -> int:
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = len(self.texts)
            self.texts.append(name)
        return code


def columns_of(events: Sequence[Event], names: Names) -> Columns:
    """The events as columns, in their order. Numbers of callers become tokens that are good for these events only."""
    n = len(events)
    form_of = {person: identity(person) or normal_form(person) for person in {e.person for e in events}}
    people = {form: token for token, form in enumerate(sorted({*form_of.values()} - {""}), 1)}
    of: dict[str, list[int]] = {
        key: [names.code(getattr(e, key)) for e in events] for key in ("site", "unit", "party", "source")
    }
    return Columns(
        seq=np.arange(1, n + 1, dtype=np.int64),
        time_us=np.array([e.time_us for e in events], np.int64),
        site=np.array(of["site"], np.int32),
        type=np.array([EVENT_TYPES[e.type].code for e in events], np.int16),
        unit=np.array(of["unit"], np.int32),
        contact=hash_names([e.contact.encode() for e in events]),
        party=np.array(of["party"], np.int32),
        caller=np.array([people.get(form_of[e.person], 0) for e in events], np.int64),
        a=np.array([e.a for e in events], np.int64),
        b=np.array([e.b for e in events], np.int64),
        c=np.array([e.c for e in events], np.int64),
        source=np.array(of["source"], np.int32),
    )
