"""The dialplan snippet, run by a small reading of its syntax: which lines of queue_log it writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collectors.formats.asterisk_queue_log import QueueLog

SNIPPET = Path(__file__).parent.parent / "deploy/asterisk/extensions-gecc.conf"
STEP = re.compile(r"(?:exten => (\w+),1|same => n(?:\((\w+)\))?),([A-Za-z]+)\((.*)\)")


def contexts(text):
    """Context → its steps as (application, arguments); every line must be understood."""
    found, steps = {}, None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            steps = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith(";"):
            match = STEP.fullmatch(line)
            assert match, line
            assert bool(match[1]) == (not steps), f"{line}: a context begins with exten, and goes on with same"
            steps.append((match[3], match[4]))
    return found


PLAN = contexts(SNIPPET.read_text(encoding="utf-8"))


class Channel:
    """A caller: variables, and the queue_log that grows."""

    def __init__(self, status, **variables):
        self.status, self.variables, self.log = status, {"UNIQUEID": "1767236400.7", **variables}, []

    def valued(self, text):
        while (match := re.search(r"\$\{FILTER\(([^,]*),(\$\{\w+\})\)\}", text)) is not None:
            allowed = re.compile(f"[^{match[1]}]")
            text = text.replace(match[0], allowed.sub("", self.valued(match[2])))
        return re.sub(r"\$\{(\w+)\}", lambda m: self.variables.get(m[1], ""), text)

    def run(self, context, *arguments):
        before = dict(self.variables)
        self.variables |= {f"ARG{n}": text for n, text in enumerate(arguments, 1)}
        for application, text in PLAN[context]:
            if application == "Return":
                break
            self.step(application, text)
        else:
            pytest.fail(f"{context} does not return")
        self.variables |= {name: before.get(name, "") for name in ("ARG1", "ARG2", "ARG3", "ARG4")}

    def step(self, application, text):
        if application == "ExecIf":
            left, right, inner, rest = re.fullmatch(r'\$\["(.*?)" = "(\w+)"\]\?(\w+)\((.*)\)', text).groups()
            if self.valued(left) == right:
                self.step(inner, rest)
        elif application == "Gosub":
            context, _, arguments = re.fullmatch(r"([\w-]+),s,(1)\((.*)\)", text).groups()
            self.run(context, *self.valued(arguments).split(","))
        elif application == "Set":
            name, _, value = text.partition("=")
            self.variables[name] = self.valued(value)
        elif application == "Queue":
            self.queue = self.valued(text)
            if self.status:
                self.variables["QUEUESTATUS"] = self.status
        else:
            assert application == "QueueLog"
            queue, call, agent, event, *info = self.valued(text).split(",")
            self.log.append(f"1767236400|{call}|{queue}|{agent}|{event}|{','.join(info)}".encode())


def told(channel):
    got = QueueLog(site="lab", source="pbx").feed(channel.log, 0)
    assert not got.rejected
    assert not got.ignored
    return [(e.type, e.unit, e.contact) for e in got.events]


def rows(*types):
    return [(f"call.{t}", "idcard", "1767236400.7") for t in types]


@pytest.mark.parametrize(
    ("status", "types"),
    [
        ("FULL", ["did", "turned_away_full"]),
        ("JOINEMPTY", ["did", "turned_away_empty"]),
        ("JOINUNAVAIL", ["did", "turned_away_empty"]),
        *((logged_by_the_queue, ["did"]) for logged_by_the_queue in ("TIMEOUT", "LEAVEEMPTY", "CONTINUE", "")),
    ],
)
def test_a_caller_turned_away_is_logged_and_no_other_is_twice(status, types):
    channel = Channel(status)
    channel.run("gecc-queue", "idcard", "020000000", "300", "c")
    assert told(channel) == rows(*types)
    assert channel.queue == "idcard,c,,,300"


def test_a_queue_left_by_key_is_not_taken_for_the_full_one_before():
    channel = Channel("", QUEUESTATUS="FULL")
    channel.run("gecc-queue", "idcard", "020000000", "", "")
    assert told(channel) == rows("did")


def test_a_call_to_a_closed_office_is_logged():
    channel = Channel("")
    channel.run("gecc-closed", "idcard", "020000000")
    assert told(channel) == rows("did", "turned_away_closed")


def test_what_a_stranger_dialled_makes_no_columns_of_its_own():
    channel = Channel("FULL")
    channel.run("gecc-queue", "idcard", "02|x|ENTERQUEUE", "", "")
    assert told(channel) == rows("did", "turned_away_full")
    assert channel.log[0].endswith(b"|DID|02xENTERQUEUE")


def test_the_sample_is_a_dialplan_once_its_semicolons_are_taken_away():
    sample = SNIPPET.read_text(encoding="utf-8").split("; Sample:")[1]
    lines = [line[1:] for line in sample.splitlines() if line.startswith((";[", ";exten", "; same"))]
    (steps,) = contexts("\n".join(lines)).values()
    called = [text.split(",")[0] for application, text in steps if application == "Gosub"]
    assert called == ["gecc-closed", "gecc-queue"]
    assert set(called) <= PLAN.keys()
