"""A queue_log that is read again from its beginning is the same log: no line of it counts twice."""

from __future__ import annotations

from pathlib import Path

from collectors.formats.asterisk_queue_log import QueueLog

LINES = (Path(__file__).parents[1] / "data/asterisk-lab/queue_log").read_bytes().splitlines()
TWICE_A_SECOND = b"1767236425|1767236409.1|gecc|Anong|RINGNOANSWER|0"


def ids(decoder, lines):
    return [event.id for event in decoder.feed(lines, 0).events]


def test_the_same_decoder_gives_the_same_ids_again():
    decoder = QueueLog(site="s", source="x")
    first = ids(decoder, LINES)
    decoder.restart()
    assert ids(decoder, LINES) == first


def test_equal_lines_of_one_second_on_both_sides_of_a_rotation_are_two():
    decoder = QueueLog(site="s", source="x")
    before = ids(decoder, [TWICE_A_SECOND])
    decoder.restart()
    assert ids(decoder, [TWICE_A_SECOND]) != before
