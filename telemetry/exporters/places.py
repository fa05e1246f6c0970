"""Where each unit of each site stands on the page: the one rule that keeps messages from making series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kpis.blocks import UNIT_BITS
from kpis.columns import I64, Bool
from telemetry.exporters.family import SITE_UNIT, Labels
from telemetry.settings import Site

MOST_UNITS = 50
"""Units of a site beyond those it declares that have labels of their own; the rest together are `other`."""
OTHER = "other"


class Places:
    """(site, unit) codes → places of their labels.

    Queues are named by whoever configures the PBX: without a limit a mistake there would fill the scraper's memory. The
    first that were ever seen keep their names, and what has a place keeps it: no counter moves.
    """

    def __init__(self, sites: Mapping[int, str], configured: Sequence[Site], names: Sequence[str]) -> None:
        """`sites` are the codes and ids of the configured sites, `names` what codes mean."""
        self.labels = Labels(SITE_UNIT)
        self._sites, self._names = sites, names
        units = {s.id: [*(x.id for x in s.services), *(x.id for x in s.channels)] for s in configured}
        self._declared = {(site, unit) for site, of in units.items() for unit in of}
        self._others: dict[int, int] = defaultdict(int)
        self._key, self._place = np.empty(0, np.int64), np.empty(0, np.int64)
        self._site = np.empty(0, np.int64)

    def of(self, site: I64, unit: I64) -> I64:
        """The place of each row; -1 for a site that is not configured."""
        key = site << UNIT_BITS | unit
        at, known = self._find(key)
        if not known.all():
            self._add(np.unique(key[~known]).tolist())
            at, _ = self._find(key)
        return self._place[at]

    def of_sites(self, codes: Sequence[int]) -> Bool:
        """Which places are of these sites."""
        return np.isin(self._site, codes)

    def _find(self, key: I64) -> tuple[npt.NDArray[np.intp], Bool]:
        """Where each key stands, and whether it does."""
        if not len(self._key):
            return np.zeros(len(key), np.intp), np.zeros(len(key), np.bool_)
        at = np.minimum(self._key.searchsorted(key), len(self._key) - 1)
        return at, self._key[at] == key

    def _add(self, keys: Sequence[int]) -> None:
        places = [self._new(key >> UNIT_BITS, key & ((1 << UNIT_BITS) - 1)) for key in keys]
        both = np.concatenate([self._key, np.array(keys, np.int64)])
        order = np.argsort(both)
        self._key, self._place = both[order], np.concatenate([self._place, np.array(places, np.int64)])[order]
        codes = {site: code for code, site in self._sites.items()}
        self._site = np.array([codes[site] for site, _ in self.labels.rows], np.int64)

    def _new(self, code: int, unit_code: int) -> int:
        site, unit = self._sites.get(code), self._names[unit_code]
        if site is None:
            return -1
        if unit and (site, unit) not in self._declared:
            self._others[code] += 1
            unit = unit if self._others[code] <= MOST_UNITS else OTHER
        return self.labels.place((site, unit))
