"""The KPIs of tickets, from their definitions: formulas over what a ticket is and has."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.kpis.second_reading.base import Contacts, Value, count, nearest_rank, ratio, seconds


def sum_of(numbers: Iterable[int]) -> Value:
    n = sum(numbers)
    return Value(float(n), n, n)


def waits(c: Contacts, which: Callable[[object], bool] = lambda _: True) -> list[int | None]:
    return [t.wait for t in c["tickets"] if which(t)]


def with_priority(t) -> bool:
    return t.priority is not None and t.priority > 0


def ordinary(t) -> bool:
    return t.priority == 0


def disposed(c: Contacts) -> list[bool]:
    return [t.disposition is not None for t in c["tickets"]]


def outcomes(c: Contacts) -> Value:
    found = [t.outcome for t in c["tickets"] if t.screened]
    bins = {"ready": 1, "papers_missing": 2, "referred": 3}
    told = {label: found.count(outcome) for label, outcome in bins.items()}
    return Value(None, len(found), bins={**told, "not_told": len(found) - sum(told.values())})


KPIS: dict[str, Callable[[Contacts], Value]] = {
    "tickets_issued": lambda c: count(t.issued for t in c["tickets"]),
    "tickets_served": lambda c: count(t.served for t in c["tickets"]),
    "tickets_no_show": lambda c: count(t.no_show for t in c["tickets"]),
    "tickets_no_show_implied": lambda c: count(t.missed_silently for t in c["tickets"]),
    "ticket_no_show_rate": lambda c: ratio(
        [t.no_show for t in c["tickets"]], [t.has("called", "recalled", "no_show") for t in c["tickets"]]
    ),
    "tickets_left": lambda c: count(t.left for t in c["tickets"]),
    "ticket_left_rate": lambda c: ratio([t.left for t in c["tickets"]], [t.issued and t.over for t in c["tickets"]]),
    "tickets_cancelled": lambda c: count(t.cancelled for t in c["tickets"]),
    "ticket_recalls": lambda c: sum_of(t.recalls for t in c["tickets"]),
    "ticket_reactivations": lambda c: sum_of(len(t.places("reactivated")) for t in c["tickets"]),
    "tickets_transferred": lambda c: count(t.has("transferred") for t in c["tickets"]),
    "ticket_transfers_to_other_service": lambda c: sum_of(len(t.moves) for t in c["tickets"]),
    "tickets_before_opening": lambda c: count(t.before_opening for t in c["tickets"]),
    "ticket_wait_invalid": lambda c: count(t.wait_invalid for t in c["tickets"]),
    "ticket_wait_seconds_mean": lambda c: seconds(waits(c)),
    "ticket_wait_seconds_p50": lambda c: nearest_rank(50, waits(c)),
    "ticket_wait_seconds_p90": lambda c: nearest_rank(90, waits(c)),
    "ticket_wait_seconds_p95": lambda c: nearest_rank(95, waits(c)),
    "ticket_wait_seconds_longest": lambda c: nearest_rank(100, waits(c)),
    "ticket_wait_within_target_rate": lambda c: ratio(
        [t.within for t in c["tickets"]], [t.within is not None for t in c["tickets"]]
    ),
    "ticket_whole_wait_seconds_mean": lambda c: seconds(t.whole_wait for t in c["tickets"]),
    "ticket_whole_wait_seconds_p90": lambda c: nearest_rank(90, (t.whole_wait for t in c["tickets"])),
    "queue_fairness_rate": lambda c: ratio(
        [t.called_from_line and not t.ahead for t in c["tickets"]], [t.called_from_line for t in c["tickets"]]
    ),
    "queue_fairness_rate_among_called": lambda c: ratio(
        [t.called_from_line and not t.ahead_of_gone for t in c["tickets"]], [t.called_from_line for t in c["tickets"]]
    ),
    "tickets_priority": lambda c: count(map(with_priority, c["tickets"])),
    "tickets_priority_unknown": lambda c: count(t.issued and t.priority is None for t in c["tickets"]),
    "ticket_wait_priority_seconds_mean": lambda c: seconds(waits(c, with_priority)),
    "ticket_wait_priority_seconds_p90": lambda c: nearest_rank(90, waits(c, with_priority)),
    "ticket_wait_ordinary_seconds_mean": lambda c: seconds(waits(c, ordinary)),
    "ticket_wait_ordinary_seconds_p90": lambda c: nearest_rank(90, waits(c, ordinary)),
    "triages": lambda c: count(t.screened for t in c["tickets"]),
    "triage_outcomes": outcomes,
    "ticket_triage_rate": lambda c: ratio(
        [t.issued and t.screened for t in c["tickets"]], [t.issued for t in c["tickets"]]
    ),
    "ticket_wait_triaged_seconds_mean": lambda c: seconds(waits(c, lambda t: t.screened)),
    "ticket_wait_untriaged_seconds_mean": lambda c: seconds(waits(c, lambda t: not t.screened)),
    "triage_to_issue_seconds_mean": lambda c: seconds(t.triage_to_issue for t in c["tickets"]),
    "ticket_walk_seconds_mean": lambda c: seconds(t.walk for t in c["tickets"]),
    "ticket_walk_seconds_p95": lambda c: nearest_rank(95, (t.walk for t in c["tickets"])),
    "service_seconds_mean": lambda c: seconds(t.service for t in c["tickets"]),
    "service_seconds_p50": lambda c: nearest_rank(50, (t.service for t in c["tickets"])),
    "service_seconds_p90": lambda c: nearest_rank(90, (t.service for t in c["tickets"])),
    "tickets_service_forgotten": lambda c: count(t.forgotten for t in c["tickets"]),
    "ticket_stay_seconds_mean": lambda c: seconds(t.stay for t in c["tickets"]),
    "ticket_stay_seconds_p50": lambda c: nearest_rank(50, (t.stay for t in c["tickets"])),
    "ticket_stay_seconds_p90": lambda c: nearest_rank(90, (t.stay for t in c["tickets"])),
    "tickets_called_not_started": lambda c: count(t.called_not_started for t in c["tickets"]),
    "tickets_walk_direct": lambda c: count(t.walk_direct for t in c["tickets"]),
    "tickets_served_outside_official": lambda c: count(t.outside_official for t in c["tickets"]),
    "ticket_fcr_rate_by_disposition": lambda c: ratio([t.disposition == 1 for t in c["tickets"]], disposed(c)),
    "ticket_one_stop_rate": lambda c: ratio(
        [t.disposition == 1 and not t.has("transferred") for t in c["tickets"]], disposed(c)
    ),
    "tickets_disposed": lambda c: count(disposed(c)),
    "tickets_without_disposition": lambda c: count(t.served and t.disposition is None for t in c["tickets"]),
    "service_passages": lambda c: count(c["ticket_passages"]),
    "service_within_manual_rate": lambda c: ratio(
        [p.within for p in c["ticket_passages"]], [p.judged for p in c["ticket_passages"]]
    ),
}
