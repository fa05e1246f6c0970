"""The calls in Asterisk's channel events: the tree of one linkedid → arrival, queues, ringing, answers, transfers, end.

The caller is the channel whose uniqueid is the linkedid. Queue or Dial on it begins a passage; every other channel of
the tree that is no Local channel is a telephone that rings for it. The first of those to be answered is the answer of
a person: never the caller's own ANSWER (a dialplan, a menu or Queue itself answered) nor that of a Local channel (what
runs behind it may be a voice mail). A call placed by an extension is no citizen's: left out, or `call.outbound`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from collectors.formats.asterisk_cel_tree import (
    AT_ONCE_US,
    Leg,
    Row,
    Tree,
    arguments,
    by_agent,
    exit_of,
    is_key,
    limit_s,
    mark,
    why_of,
)
from collectors.formats.asterisk_channels import S, is_number, party
from collectors.formats.reading import name_of
from telemetry.events import MISSING, Event

MOST_CALLS = 2000
"""Calls followed at once; of more, the oldest are forgotten."""
_MOST_LEGS = 100
_APPS = ("Queue", "Dial")
_ENDS = {"abandoned", "left_by_key"}
"""Exits by which the caller made the telephones stop ringing."""


class Calls:
    """Follows the trees of one log. What `take` returns depends on the lines and their order alone."""

    def __init__(
        self,
        site: str,
        source: str,
        unit: Callable[[str], str],
        internal: Callable[[str], bool],
        called: Callable[[str], str],
    ) -> None:
        self._site, self._source, self._unit, self._internal, self._called = site, source, unit, internal, called
        self._trees: OrderedDict[str, Tree] = OrderedDict()
        self._late: dict[str, int] = {}
        """Calls that wait for what follows to tell why something ended, and since when."""
        self._owed: list[Event] = []
        """What happened before the line that told so could be read."""
        self._seconds = False
        self._row: Row | None = None
        """The line that is being read."""

    def take(self, row: Row, us: int, *, seconds: bool) -> list[Event]:
        """The events of one line; `seconds` when its time is of whole seconds, and the rest the order of lines."""
        self._seconds, self._row = seconds, row
        if self._late:
            self._owed += self._overdue(us)
        if not self._owed:
            return HANDLERS[row.kind](self, row, us)
        out = HANDLERS[row.kind](self, row, us)  # may find the line unreadable: then the next one brings them
        owed, self._owed = self._owed, []
        return owed + out

    def dump(self) -> list[Any]:
        return [[asdict(tree) for tree in self._trees.values()], self._late, self._owed]

    def load(self, state: list[Any]) -> None:
        trees, self._late, owed = state or ([], {}, [])
        self._owed = [Event(*told) for told in owed]
        self._trees = OrderedDict()
        for told in trees:
            legs = {uid: Leg(**leg) for uid, leg in told["legs"].items()}
            self._trees[told["contact"]] = Tree(**{**told, "legs": legs})

    def _of(self, row: Row) -> Tree | None:
        """The call of a channel: the caller's own even where a transfer has given the channel another linkedid."""
        return self._trees.get(row.uid) or self._trees.get(row.lid)

    # One line each.

    def _chan_start(self, row: Row, us: int) -> list[Event]:
        if row.uid == row.lid:
            tree = Tree(name_of(row.lid, "linkedid"), mark(row.channel), name_of(row.exten, "exten"), _digest(row.lid))
            if self._internal(row.number):
                tree.kind, tree.party = "own", party(row.channel, "channame")
                tree.did = tree.did if self._internal(tree.did) else ""
            self._trees.pop(row.lid, None)
            self._late.pop(row.lid, None)
            self._trees[row.lid] = tree
            if len(self._trees) > MOST_CALLS:
                self._late.pop(self._trees.popitem(last=False)[0], None)
            return self._said(tree, "d", "call.did", us)
        found = self._trees.get(row.lid)
        if found is None or found.connected or row.channel.startswith("Local/") or len(found.legs) >= _MOST_LEGS:
            return []  # while a person talks, a new channel is that person's
        leg = Leg(party(row.channel, "channame"), us)
        out = self._vain(found, "call.ring_no_answer")
        found.legs[row.uid] = leg
        found.rang = True
        return out

    def _answer(self, row: Row, us: int) -> list[Event]:
        tree = self._of(row)
        leg = tree.legs.get(row.uid) if tree else None
        if tree is None or leg is None or leg.answered_us != MISSING:
            return []
        leg.party, leg.answered_us = party(row.channel, "channame"), us
        return self._connect(tree)

    def _bridge_enter(self, row: Row, us: int) -> list[Event]:
        tree = self._of(row)
        if tree is None:
            return []
        if row.uid != tree.contact:
            return [] if tree.connected else self._answer(row, us)
        if row.app not in _APPS or tree.entered_us != MISSING or (tree.k and tree.moved_us == MISSING):
            return []
        return self._begin(tree, row, self._unseen_since(tree, us)) + self._connect(tree)

    def _app_start(self, row: Row, us: int) -> list[Event]:
        tree = self._of(row)
        if row.app == "VoiceMail" and tree and row.uid == tree.contact:
            return self._said(tree, "v", "call.voicemail", us)
        if row.app not in _APPS or (tree and row.uid != tree.contact):
            return []
        if tree is None:
            if row.uid != row.lid:
                return []
            self._chan_start(row, us)  # the log begins in the middle of this call
            tree = self._trees[row.lid]
        self._name_of(tree, row)  # readable, before anything is taken to have happened
        out = self._leave(tree, us, None) if tree.entered_us != MISSING else []
        tree.legs.clear()
        return out + self._begin(tree, row, us)

    def _app_end(self, row: Row, us: int) -> list[Event]:
        tree = self._of(row)
        if tree is None or row.uid != tree.contact or row.app not in _APPS:
            return []
        out: list[Event] = []
        if tree.entered_us == MISSING:
            if tree.moved_us == MISSING:
                return []
            if mark(row.data) == tree.data and not tree.legs and us - tree.moved_us <= AT_ONCE_US:
                return []  # the end of what the call was sent on from
            out = self._begin(tree, row, tree.moved_us) + self._connect(tree)
        if tree.kind == "out":
            return out + self._leave(tree, us, None)
        tree.leaving_us, tree.left_exten = us, mark(row.exten)
        tree.pressed = row.exten if is_key(row.exten) else ""
        self._late[tree.contact] = us
        return out

    def _hangup(self, row: Row, us: int) -> list[Event]:
        tree = self._of(row)
        if tree is None:
            return []
        if row.uid == tree.contact:
            return self._leave(tree, us, why_of(row.extra), hung_up=True) if tree.entered_us != MISSING else []
        leg = tree.legs.get(row.uid)
        if leg is None or leg.ended_us != MISSING:
            return []
        if row.uid == tree.connected:
            return self._complete(tree, us if tree.leaving_us == MISSING else tree.leaving_us, why_of(row.extra))
        leg.ended_us = us
        if tree.connected:
            return self._vain(tree, "call.ring_cancelled")
        if tree.leaving_us == MISSING:
            self._late[tree.contact] = us
        return []

    def _chan_end(self, row: Row, us: int) -> list[Event]:
        out = self._hangup(row, us)
        if row.uid == row.lid:
            self._trees.pop(row.lid, None)
            self._late.pop(row.lid, None)
        return out

    def _blind(self, row: Row, us: int) -> list[Event]:
        return self._transferred(row, us, "blind")

    def _attended(self, row: Row, us: int) -> list[Event]:
        return self._transferred(row, us, "attended")

    def _transferred(self, row: Row, us: int, how: str) -> list[Event]:
        tree = self._of(row)
        if tree is None or not tree.connected or row.uid == tree.contact:
            return []
        out = self._complete(tree, us, None, transfer=how)
        if how == "blind":
            tree.moved_us = us
        return out

    # What lines lead to.

    def _overdue(self, us: int) -> list[Event]:
        """What nothing has followed by now: the application ended and the dialplan went on; telephones gave up."""
        out: list[Event] = []
        for contact, since_us in list(self._late.items()):
            if us - since_us <= AT_ONCE_US:
                continue
            tree = self._trees[contact]
            out += (
                self._leave(tree, us, None) if tree.leaving_us != MISSING else self._vain(tree, "call.ring_no_answer")
            )
            self._late.pop(contact, None)
        return out

    def _name_of(self, tree: Tree, row: Row) -> str:
        """The unit: the queue, or what was dialled; where a subroutine dials, the number first reached. A number
        outside that a call is sent on to is somebody's own: it is no unit, unless the settings make it one."""
        if row.app == "Queue":
            return self._unit(name_of(arguments(row.data)[0], "queue")) or "queue"
        name = name_of(row.exten if row.exten not in ("", "s") else tree.did, "exten")
        outside = is_number(name) and not self._internal(name) and self._unit(name) == name and name != tree.did
        return (self._unit(name) if not outside else "") or "dial"

    def _begin(self, tree: Tree, row: Row, us: int) -> list[Event]:
        tree.unit = self._name_of(tree, row)
        exten = row.exten if row.exten not in ("", "s") else tree.did
        if tree.kind == "own" and row.app == "Dial" and not self._internal(exten):
            tree.kind = "out"
        told = arguments(row.data)
        tree.k += 1
        tree.app, tree.data, tree.exten = row.app, mark(row.data), mark(row.exten)
        tree.limit_s, tree.once = limit_s(row.app, told), row.app == "Queue" and "n" in "".join(told[1:2])
        tree.entered_us, tree.leaving_us, tree.moved_us = us, MISSING, MISSING
        tree.connected, tree.rang = "", bool(tree.legs)
        return self._said(tree, "e", "call.entered", us, person=row.number)

    def _unseen_since(self, tree: Tree, us: int) -> int:
        """When a passage that no line began must have begun."""
        return (
            min((leg.since_us for leg in tree.legs.values()), default=us) if tree.moved_us == MISSING else tree.moved_us
        )

    def _connect(self, tree: Tree) -> list[Event]:
        """The first telephone that was answered is the person, if the call is in a passage and still waits."""
        if tree.entered_us == MISSING or tree.connected or tree.leaving_us != MISSING:
            return []
        uid = next((uid for uid, leg in tree.legs.items() if leg.answered_us != MISSING), "")
        if not uid:
            return []
        leg = tree.legs[uid]
        out = self._vain(tree, "call.ring_no_answer")
        tree.connected = uid
        wait_ms, ring_ms = self._ms(tree.entered_us, leg.answered_us), self._ms(leg.since_us, leg.answered_us)
        return out + self._said(tree, "a", "call.connected", leg.answered_us, party=leg.party, a=wait_ms, b=ring_ms)

    def _complete(self, tree: Tree, us: int, why: Mapping[str, str] | None, transfer: str = "") -> list[Event]:
        """The conversation is over."""
        leg = tree.legs[tree.connected]
        wait_ms, talk_ms = self._ms(tree.entered_us, leg.answered_us), self._ms(leg.answered_us, us)
        if tree.kind == "out":
            out = self._outbound(tree, us, talk_ms)
        elif transfer:
            how = f'{{"transfer":"{transfer}"}}'
            out = self._said(tree, "t", "call.transferred", us, party=leg.party, a=wait_ms, b=talk_ms, extra=how)
        else:
            ended = by_agent(why, tree.channel, leg.party)
            out = self._said(tree, "c", "call.completed", us, party=leg.party, a=wait_ms, b=talk_ms, c=ended)
        self._close(tree)
        return out

    def _leave(self, tree: Tree, us: int, why: Mapping[str, str] | None, *, hung_up: bool = False) -> list[Event]:
        """The call has left its application, by what is known now."""
        if tree.leaving_us == MISSING:
            tree.leaving_us, tree.left_exten = us, tree.exten
        at_us = tree.leaving_us
        if tree.connected:
            return self._complete(tree, at_us, why)
        if tree.kind == "out":
            out = self._outbound(tree, at_us, MISSING)
        else:
            exit_ = exit_of(tree, why, hung_up=hung_up and us - at_us <= AT_ONCE_US)
            for leg in tree.legs.values():
                leg.ended_us = at_us if leg.ended_us == MISSING else leg.ended_us
            out = self._vain(tree, "call.ring_cancelled" if exit_ in _ENDS else "call.ring_no_answer")
            refused = exit_ == "withdrawn"
            key = f'{{"key":"{tree.pressed}"}}' if exit_ == "left_by_key" and tree.pressed else ""
            out += self._said(tree, "x", f"call.{exit_}", at_us, a=self._ms(tree.entered_us, at_us), extra=key)
            if refused:
                out += self._said(tree, "f", "call.turned_away_full", at_us, extra='{"by":"unknown"}')
        self._close(tree)
        return out

    def _outbound(self, tree: Tree, us: int, talk_ms: int) -> list[Event]:
        id_ = f"{us // S:010d}.{tree.key}.{tree.k}o"
        # The number called stands in the lines of this call, and nowhere between them.
        row = self._row
        number = row.exten if row and self._of(row) is tree and is_number(row.exten) else ""
        said = (self._site, self._source, id_, "call.outbound", us, "", tree.contact, tree.party, self._called(number))
        return [Event(*said, b=talk_ms)]

    def _vain(self, tree: Tree, type_: str) -> list[Event]:
        """What became of the telephones that fell silent without an answer."""
        out = []
        silent = [u for u, leg in tree.legs.items() if leg.ended_us != MISSING and leg.answered_us == MISSING]
        for uid in silent:
            leg = tree.legs.pop(uid)
            ring_ms = self._ms(leg.since_us, leg.ended_us)
            if tree.entered_us != MISSING:
                out += self._said(tree, f"r{_digest(uid)[:8]}", type_, leg.ended_us, party=leg.party, a=ring_ms)
        return out

    def _close(self, tree: Tree) -> None:
        tree.entered_us, tree.leaving_us, tree.connected = MISSING, MISSING, ""
        tree.legs.clear()
        self._late.pop(tree.contact, None)

    def _ms(self, from_us: int, to_us: int) -> int:
        """A duration in the log's own resolution; MISSING when its clock went back."""
        ms = (to_us // S - from_us // S) * 1000 if self._seconds else (to_us - from_us) // 1000
        return ms if ms >= 0 else MISSING

    def _said(
        self, tree: Tree, what: str, type_: str, us: int, *, party: str = "", person: str = "",
        a: int = MISSING, b: int = MISSING, c: int = MISSING, extra: str = "",
    ) -> list[Event]:  # fmt: skip
        """An event of a citizen's call; nothing of another."""
        if tree.kind != "in":
            return []
        unit = tree.unit if tree.k else self._unit(tree.did)
        id_ = f"{us // S:010d}.{tree.key}.{tree.k}{what}"
        return [Event(self._site, self._source, id_, type_, us, unit, tree.contact, party, person, a, b, c, 0, extra)]


HANDLERS: dict[str, Callable[[Calls, Row, int], list[Event]]] = {
    "CHAN_START": Calls._chan_start,  # noqa: SLF001  the table of its own class
    "ANSWER": Calls._answer,  # noqa: SLF001
    "BRIDGE_ENTER": Calls._bridge_enter,  # noqa: SLF001
    "APP_START": Calls._app_start,  # noqa: SLF001
    "APP_END": Calls._app_end,  # noqa: SLF001
    "HANGUP": Calls._hangup,  # noqa: SLF001
    "CHAN_END": Calls._chan_end,  # noqa: SLF001
    "BLINDTRANSFER": Calls._blind,  # noqa: SLF001
    "ATTENDEDTRANSFER": Calls._attended,  # noqa: SLF001
}


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
