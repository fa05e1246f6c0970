"""A day on which everything happens that can be counted, as web systems tell it by HTTP: small stories, one event a line.

`HH:MM:SS type unit contact name=value …`; `-` is no unit, `@` no contact. Each round has its own contacts and persons.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from telemetry.simulate.makes import Call, asterisk_cdr

RULES = """
province = "Nonthaburi"
organisation = "Provincial Administration"
holidays = ""
hours = { "mon-sun" = "08:30-16:30" }
lunch = "12:00-13:00"
fcr_window_s = 600
min_n = 1
min_coverage = 0
test_numbers = ["0210000000"]
"""
MORE = """
[[sites.windows]]
id = "evening"
days = "mon-sun"
hours = "17:00-18:00"
[[sites.services]]
id = "enquiries"
category = "information"
target_minutes = 10
[[sites.services]]
id = "passport"
target_minutes = 10
service_minutes = 10
[[sites.services]]
id = "tax"
target_minutes = 10
service_minutes = 2
[[sites.services]]
id = "damrong"
category = "complaint"
[[sites.services]]
id = "own-1"
[[sites.services]]
id = "own-2"
[[sites.services]]
id = "own-3"
[[sites.channels]]
id = "line"
reply_minutes = 15
[[sites.channels]]
id = "web"
reply_minutes = 60
[[sites.channels]]
id = "fax"
[[sites.devices]]
id = "button-z"
kind = "button"
convention = "zigbee2mqtt"
topic = "zigbee2mqtt/button-z"
unit = "passport"
presses = { "1_single" = 5 }
[[sites.sources]]
id = "cdr"
format = "asterisk_cdr"
tail = "Master.csv"
timezone = "{zone}"
[[sites.sources]]
id = "crm"
format = "cloudevents_http"
http = true
token_sha256 = ["{token}"]
[[sites]]
id = "second"
name_th = "ศูนย์ที่สอง"
name_en = "Second centre"
province = "Phuket"
timezone = "{zone}"
[[sites.services]]
id = "idcard"
"""

CALLS = """
08:20:00 call.entered hotline early{r} person=0811111{r}01
08:31:00 call.connected hotline early{r} party=anong wait_ms=660000 ring_ms=3000
08:33:00 call.completed hotline early{r} party=anong wait_ms=660000 talk_ms=120000
09:00:00 call.did hotline c1{r} person=0811111{r}02
09:00:01 call.entered hotline c1{r} person=0811111{r}02
09:00:05 call.connected hotline c1{r} party=anong wait_ms=4000 ring_ms=4000
09:03:00 call.held hotline c1{r} hold_ms=20000
09:03:05 call.completed hotline c1{r} party=anong wait_ms=4000 talk_ms=180000
09:03:05 call.wrap_up_started hotline c1{r} party=anong wrap_ms=15000
09:10:00 call.entered hotline c2{r} person=0811111{r}03
09:10:09 call.connected hotline c2{r} party=anong wait_ms=9000 ring_ms=9000
09:12:00 call.transferred hotline c2{r} party=anong wait_ms=9000 talk_ms=110000
09:12:00 call.entered enquiries c2{r} person=0811111{r}03
09:12:20 call.connected enquiries c2{r} party=chai wait_ms=20000 ring_ms=14000
09:14:00 call.completed enquiries c2{r} party=chai wait_ms=20000 talk_ms=100000
09:20:00 call.entered hotline c3{r} person=0811111{r}04
09:20:17 call.ring_no_answer hotline c3{r} party=boon ring_ms=17000
09:20:36 call.connected hotline c3{r} party=anong wait_ms=36000 ring_ms=18000
09:22:00 call.transferred hotline c3{r} party=anong wait_ms=36000 talk_ms=80000
09:30:00 call.entered hotline c4{r}
09:30:17 call.connected hotline c4{r} party=anong wait_ms=17000 ring_ms=17000
09:30:50 call.completed hotline c4{r} party=anong wait_ms=17000 talk_ms=30000
09:31:00 call.entered hotline c5{r} person=0811111{r}05
09:31:12 call.connected hotline c5{r} party=anong wait_ms=12000 ring_ms=12000
09:31:50 call.completed hotline c5{r} party=anong wait_ms=12000 talk_ms=30000
09:40:00 call.entered hotline l1{r} person=0811111{r}06
09:40:03 call.abandoned hotline l1{r} wait_ms=3000
09:41:00 call.entered hotline l2{r} person=0811111{r}07
09:42:00 call.abandoned hotline l2{r} wait_ms=60000
09:42:01 call.voicemail hotline l2{r}
09:43:00 call.entered hotline l3{r} person=0811111{r}08
09:45:00 call.timed_out hotline l3{r} wait_ms=120000
09:46:00 call.entered hotline l4{r} person=0811111{r}09
09:46:20 call.no_agent hotline l4{r} wait_ms=20000
09:47:00 call.entered hotline l5{r} person=0811111{r}10
09:47:20 call.left_by_key hotline l5{r} wait_ms=20000
09:48:00 call.turned_away_full hotline l6{r}
09:48:10 call.turned_away_empty hotline l7{r}
09:48:20 call.turned_away_closed hotline l8{r}
09:49:00 call.entered hotline t1{r} person=0210000000
09:49:05 call.connected hotline t1{r} party=anong wait_ms=5000 ring_ms=5000
09:49:30 call.completed hotline t1{r} party=anong wait_ms=5000 talk_ms=20000
09:50:00 call.did hotline d1{r} person=0811111{r}11
09:51:00 call.did hotline d2{r} person=0811111{r}12
09:51:10 call.voicemail hotline d2{r}
09:55:00 call.connected hotline w1{r} party=anong
09:58:00 call.completed hotline w1{r} party=anong
10:00:00 call.entered hotline u2{r} person=0811111{r}17
10:00:00 call.entered hotline u1{r} person=0811111{r}13
10:00:04 call.connected hotline u1{r} party=anong wait_ms=4000 ring_ms=4000
10:30:00 call.outbound hotline o1{r} person=0811111{r}07 party=anong talk_ms=60000
10:31:00 call.outbound hotline o2{r} party=anong talk_ms=0
10:40:00 call.entered hotline s1{r} person=0811111{r}18
11:20:00 call.connected hotline s1{r} party=anong wait_ms=2400000 ring_ms=4000
11:21:00 call.completed hotline s1{r} party=anong wait_ms=2400000 talk_ms=50000
12:10:00 call.entered hotline n1{r} person=0811111{r}14
12:10:08 call.connected hotline n1{r} party=anong wait_ms=8000 ring_ms=8000
12:11:00 call.completed hotline n1{r} party=anong wait_ms=8000 talk_ms=50000
19:00:00 call.entered hotline x1{r} person=0811111{r}15
19:00:08 call.connected hotline x1{r} party=anong wait_ms=8000 ring_ms=8000
19:01:00 call.completed hotline x1{r} party=anong wait_ms=8000 talk_ms=50000
19:02:00 call.entered hotline x2{r} person=0811111{r}16
19:02:30 call.abandoned hotline x2{r} wait_ms=30000
19:02:31 call.voicemail hotline x2{r}
"""

TICKETS = """
07:50:00 counter.opened - @ party=1
07:50:00 counter.opened - @ party=2
08:10:00 ticket.issued passport A0{r} priority=0
08:35:00 ticket.called - A0{r} party=1
08:35:30 ticket.started - A0{r} party=1
08:40:00 ticket.finished - A0{r} party=1 disposition=done
09:00:00 ticket.triaged passport A1{r} outcome=ready
09:00:20 ticket.issued passport A1{r} priority=0
09:05:00 ticket.called - A1{r} party=1
09:05:20 ticket.started - A1{r} party=1
09:09:00 ticket.finished - A1{r} party=1 disposition=done
09:01:00 ticket.issued tax B1{r} priority=1
09:02:00 ticket.called - B1{r} party=2
09:02:30 ticket.started - B1{r} party=2
09:08:00 ticket.finished - B1{r} party=2 disposition=must_return
09:03:00 ticket.issued passport A2{r}
09:20:00 ticket.called - A2{r} party=1
09:20:40 ticket.recalled - A2{r} party=1
09:21:10 ticket.started - A2{r} party=1
09:25:00 ticket.transferred tax A2{r} party=1
09:30:00 ticket.called - A2{r} party=2
09:30:30 ticket.started - A2{r} party=2
09:35:00 ticket.finished - A2{r} party=2 disposition=referred
09:04:00 ticket.issued passport A3{r} priority=0
09:04:30 ticket.triaged passport A3{r} outcome=papers_missing
09:26:00 ticket.called - A3{r} party=1
09:27:00 ticket.recalled - A3{r} party=1
09:28:00 ticket.no_show - A3{r} party=1
09:06:00 ticket.issued passport A4{r} priority=0
09:28:10 ticket.called - A4{r} party=1
09:28:50 ticket.recalled - A4{r} party=1
09:29:50 ticket.recalled - A4{r} party=1
09:07:00 ticket.issued passport A5{r} priority=0
09:30:00 ticket.called - A5{r} party=1
09:31:00 ticket.no_show - A5{r} party=1
09:35:00 ticket.reactivated - A5{r}
09:36:00 ticket.called - A5{r} party=1
09:36:30 ticket.started - A5{r} party=1
09:40:00 ticket.finished - A5{r} party=1
09:10:00 ticket.issued passport A6{r} priority=0
09:11:00 ticket.cancelled - A6{r}
09:12:00 ticket.issued passport A7{r} priority=0
09:13:00 ticket.started - A7{r} party=1
09:15:00 ticket.finished - A7{r} party=1 disposition=done
09:16:00 ticket.started - N1{r} party=1
09:17:00 ticket.finished - N1{r} party=1
09:40:00 ticket.issued passport A8{r} priority=0
09:41:00 ticket.called - A8{r} party=1
09:41:30 ticket.started - A8{r} party=1
09:42:00 ticket.issued passport A9{r} priority=0
09:43:00 ticket.called - A9{r} party=2
09:44:00 ticket.finished - A9{r} party=2
09:45:00 ticket.triaged passport T1{r} outcome=referred
09:46:00 ticket.triaged passport T2{r}
11:00:00 ticket.issued damrong E1{r} priority=0
11:01:00 ticket.called - E1{r} party=2
11:01:20 ticket.started - E1{r} party=2
11:10:00 ticket.finished - E1{r} party=2 disposition=done
11:05:00 ticket.issued enquiries H1{r} priority=0
11:06:00 ticket.called - H1{r} party=2
11:10:20 ticket.started - H1{r} party=2
11:12:00 ticket.finished - H1{r} party=2 disposition=done
12:10:00 ticket.issued passport L1{r} priority=0
12:15:00 ticket.called - L1{r} party=1
12:15:30 ticket.started - L1{r} party=1
12:20:00 ticket.finished - L1{r} party=1 disposition=done
12:30:00 ticket.issued passport L2{r} priority=0
12:50:00 ticket.called - L2{r} party=1
12:50:30 ticket.started - L2{r} party=1
12:55:00 ticket.finished - L2{r} party=1 disposition=done
14:00:00 ticket.issued own-{r} W1{r} priority=0
14:02:00 ticket.called - W1{r} party=1
14:02:20 ticket.started - W1{r} party=1
14:05:00 ticket.finished - W1{r} party=1 disposition=done
14:10:00 ticket.issued own-{r} W2{r} priority=0
14:12:00 ticket.called - W2{r} party=2
14:12:20 ticket.started - W2{r} party=2
14:15:00 ticket.finished - W2{r} party=2 disposition=done
17:05:00 ticket.issued passport V1{r} priority=0
17:10:00 ticket.called - V1{r} party=1
17:10:30 ticket.started - V1{r} party=1
17:15:00 ticket.finished - V1{r} party=1 disposition=done
18:30:00 ticket.issued passport Z1{r} priority=0
18:40:00 counter.closed - @ party=1
18:41:00 counter.opened - @ party=1
18:41:10 counter.opened - @ party=1
18:42:00 counter.closed - @ party=1
18:42:10 counter.closed - @ party=1
18:42:30 counter.closed - @ party=3
18:45:00 ticket.issued passport Y1{r} priority=0
18:46:00 ticket.called - Y1{r} party=1
18:46:20 ticket.started - Y1{r} party=1
18:48:00 ticket.finished - Y1{r} party=1 disposition=done
18:49:00 ticket.issued passport Y2{r} priority=0
18:50:00 ticket.finished - Y2{r}
18:55:00 ticket.called - Q1{r} party=2
18:56:00 ticket.issued passport Q1{r} priority=0
"""

VOTES = """
09:09:10 vote.cast passport @ party=1 score=5 scale_max=5
09:41:00 vote.cast passport @ party=1 score=4 scale_max=5
10:01:00 vote.cast passport @ score=3 scale_max=5
10:02:00 vote.cast passport @ score=2 scale_max=5
10:03:00 vote.cast passport @ score=1 scale_max=5
10:04:00 vote.cast tax @ score=2 scale_max=2
10:05:00 vote.cast tax @ score=3 scale_max=3
10:06:00 vote.cast tax @ score=4 scale_max=4
10:07:00 vote.cast tax @ score=9 scale_max=10
10:08:00 vote.cast tax @ score=5 scale_max=6
10:20:00 vote.cast passport f1{r} score=5 scale_max=5
10:20:00 vote.cast passport f1{r} score=5 scale_max=5 question=steps_and_time
10:20:00 vote.cast passport f1{r} score=4 scale_max=5 question=staff
10:20:00 vote.cast passport f1{r} score=4 scale_max=5 question=place
10:20:00 vote.cast passport f1{r} score=4 scale_max=5 question=information
10:20:00 vote.cast passport f1{r} score=4 scale_max=5 question=outcome
10:20:00 vote.cast passport f1{r} score=2 scale_max=2 question=resolved
10:20:00 vote.cast passport f2{r} score=3 scale_max=5 question=resolved
10:20:00 vote.cast passport f1{r} score=3 scale_max=5 question=service_types
10:20:00 vote.cast passport f1{r} score=3 scale_max=5 question=days_hours
10:20:00 vote.cast passport f1{r} score=3 scale_max=5 question=place_of_service
10:20:00 vote.cast passport f1{r} score=3 scale_max=5 question=access
10:20:00 vote.cast passport f1{r} score=3 scale_max=5 question=facilities
10:20:00 vote.cast passport f1{r} score=3 scale_max=5 question=awareness
"""

MATTERS = """
09:00:00 conversation.opened line v1{r} person=line:somchai{r}
09:01:00 conversation.replied line v1{r} automatic=1
09:05:00 conversation.replied line v1{r} party=anong
09:06:00 conversation.message line v1{r}
09:20:00 conversation.replied line v1{r} party=anong
09:30:00 conversation.closed line v1{r} party=anong disposition=done
09:40:00 conversation.reopened line v1{r}
09:50:00 conversation.closed line v1{r} disposition=done
10:00:00 conversation.opened web v2{r}
10:30:00 conversation.closed web v2{r}
10:40:00 conversation.message web v3{r}
10:45:00 conversation.replied web v3{r} party=anong
10:50:00 conversation.replied line v4{r} party=anong
10:51:00 conversation.opened line v4{r} person=line:other{r}
10:55:00 conversation.closed line v8{r} party=anong
11:00:00 conversation.opened fax v5{r} person=0811111{r}30
11:05:00 conversation.replied fax v5{r} party=anong
19:00:00 conversation.opened line v6{r} person=line:evening{r}
19:05:00 conversation.replied line v6{r} party=anong
{now-5m} conversation.opened line w1{r} person=line:w1{r}
{now-5m} conversation.opened web w7{r} person=line:w7{r}
{now-30m} conversation.opened line w2{r} person=line:w2{r}
{now-2h} conversation.opened line w3{r} person=line:w3{r}
{now-6h} conversation.opened line w4{r} person=line:w4{r}
{now-2d} conversation.opened line w5{r} person=line:w5{r}
{now-5d} conversation.opened line w6{r} person=line:w6{r}
09:00:00 case.opened damrong k1{r} kind=complaint due=+3h person=0811111{r}40
09:10:00 case.acknowledged damrong k1{r}
09:20:00 case.assigned damrong k1{r} party=chai due=+4h
09:30:00 case.step_started damrong k1{r} step=1 due=+1h
09:40:00 case.step_finished damrong k1{r} step=1
09:45:00 case.notified damrong k1{r}
09:50:00 case.looked_up damrong k1{r}
10:00:00 case.settled damrong k1{r} result=settled
10:10:00 case.reopened damrong k1{r}
10:20:00 case.settled damrong k1{r} result=settled
09:00:00 case.opened damrong k2{r} kind=complaint due=+1h
11:00:00 case.settled damrong k2{r} result=settled
09:05:00 case.opened damrong k3{r} kind=complaint
11:05:00 case.settled damrong k3{r} result=rejected
09:06:00 case.opened damrong k4{r} kind=complaint
11:06:00 case.settled damrong k4{r} result=withdrawn
09:07:00 case.opened passport k5{r} kind=request due=+1h person=0811111{r}41
09:10:00 case.forwarded passport k5{r}
09:40:00 case.settled passport k5{r} result=settled
09:08:00 case.opened passport k6{r} kind=suggestion
09:09:00 case.opened passport k7{r} kind=praise
09:10:00 case.opened passport k8{r}
09:11:00 case.settled passport k9{r} result=settled
09:12:00 case.notified passport k10{r}
09:13:00 case.opened passport k10{r} kind=request
09:14:00 case.opened passport k11{r} kind=request due=-1h
09:15:00 case.step_finished passport k10{r} step=2
09:20:00 case.step_finished passport k5{r} step=3
09:16:00 case.opened passport k12{r} kind=request due=+30m
10:16:00 case.settled passport k12{r} result=settled
09:16:00 case.opened passport k13{r} kind=request due=+30m
09:30:00 case.notified passport k13{r}
{now-1h} case.opened damrong p1{r} kind=complaint due=+10m
{now-10d} case.opened damrong p2{r} kind=complaint due=+1d
{now-20d} case.opened damrong p3{r} kind=complaint
{now-40d} case.opened damrong p4{r} kind=complaint
{now-80d} case.opened damrong p5{r} kind=complaint
"""


def config(demo: str, zone: str, token_hash: str, targets: dict[str, float], store: str) -> str:
    """The centre of the demonstration with everything else that a centre may have, and a second one."""
    own, rest = demo.split("[sites.targets]\n")
    rest = rest.partition("[[")[2]
    rows = "\n".join(f"{name} = {value}" for name, value in targets.items())
    text = f"{own}{RULES}\n[sites.targets]\n{rows}\n[[{rest}\n{MORE.replace('{token}', token_hash)}"
    text += f'[influxdb]\nurl = "{store}"\nbucket = "gecc"\ninterval_s = 1\n'
    return text.replace("Asia/Bangkok", zone).replace("{zone}", zone)


def events(round_: int, day: date, zone: str, now: datetime) -> list[dict]:
    """The CloudEvents of one round: the stories of a local day, and what waits now."""
    out = []
    for text in (CALLS, TICKETS, VOTES, MATTERS):
        for i, row in enumerate(filter(None, text.splitlines())):
            when, _, rest = row.partition(" ")
            if round_ == 1 and when.endswith("d}"):
                continue  # so that the centre is known from today on, and its days can become more
            kind, unit, contact, *named = rest.format(r=round_).split() if "{r}" in rest else rest.split()
            at = _at(when, day, zone, now) + timedelta(microseconds=i)
            data: dict = dict(pair.split("=", 1) for pair in named)
            data = {k: int(v) if v.isdecimal() and k not in ("party", "person") else v for k, v in data.items()}
            if "due" in data:
                data["due"] = (at + _span(data["due"])).isoformat()
            out.append(
                {
                    "specversion": "1.0",
                    "id": f"{round_}-{day}-{len(out)}",
                    "source": "crm",
                    "type": f"th.gecc.{kind}",
                    "time": at.isoformat(),
                    **({"subject": f"{contact}-{day}"} if contact != "@" else {}),
                    "data": data | ({"unit": unit} if unit != "-" else {}),
                }
            )
    return out


def press() -> tuple[str, bytes]:
    """A press of a button without times: pressed twice at once it is one vote, and one that is dropped."""
    return "zigbee2mqtt/button-z", json.dumps({"action": "1_single"}).encode()


def records_of_calls(round_: int, day: date, zone: str) -> bytes:
    """A call that only the call records of the PBX know."""
    at = datetime.fromisoformat(f"{day}T10:{round_:02d}:00").replace(tzinfo=ZoneInfo(zone))
    us = round(at.timestamp() * 1e6)
    call = Call(
        f"{us // 1_000_000}.7{round_}",
        f"08222222{round_:02d}",
        "1567",
        "hotline",
        1,
        us,
        (),
        "abandoned",
        us + 20_000_000,
    )
    return b"".join(one.data for one in asterisk_cdr.written([call], ZoneInfo(zone)))


REFUSED = {"specversion": "1.0", "id": "x", "source": "crm", "type": "th.gecc.ticket.eaten", "data": {}}
"""What no round can hold: it is refused, and counted as that."""


def _at(when: str, day: date, zone: str, now: datetime) -> datetime:
    if when.startswith("{now"):
        return now + _span(when[4:-1])
    return datetime.fromisoformat(f"{day}T{when}").replace(tzinfo=ZoneInfo(zone))


def _span(text: str) -> timedelta:
    """+3h, -20m, -5d."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})
