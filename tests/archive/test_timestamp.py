"""Time stamps of a third party, given by a real authority (openssl) behind a real web server."""

from __future__ import annotations

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from telemetry.archive.store import CHECKPOINT
from telemetry.archive.timestamp import StampError, stamp, stamp_file, stamped
from telemetry.config import Config
from telemetry.sealing import Sealing
from telemetry.settings import Archive
from tests.archive.conftest import LAB, at, visit
from tests.servers import need

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
[ext]
extendedKeyUsage = critical,timeStamping
"""


@pytest.fixture
def authority(tmp_path):
    """Folder of an authority: its certificate is tsa.pem."""
    openssl, folder = need("openssl"), tmp_path / "tsa"
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    subject = ["-subj", "/CN=test authority", "-addext", "extendedKeyUsage=critical,timeStamping"]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "tsa.pem", *subject],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


class Answers(BaseHTTPRequestHandler):
    """Answers as `server.how` says."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.how(asked)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(authority):
    def stamps(asked):
        (authority / "q.tsq").write_bytes(asked)
        subprocess.run(
            [need("openssl"), "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-signer", "tsa.pem", "-inkey", "key.pem", "-out", "r.tsr"],
            cwd=authority, check=True, capture_output=True,
        )  # fmt: skip
        return 200, (authority / "r.tsr").read_bytes()

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.how = made.stamps = stamps
    made.url = f"http://127.0.0.1:{made.server_port}/"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def days(room):
    room.take(visit(2, 0))
    room.seal(at(8))
    return room.store.days("lab")


def test_a_stamp_is_kept_beside_the_day_and_openssl_itself_accepts_it(server, days, authority):
    path = stamp(days[0], server.url)
    assert path == stamp_file(days[0])
    checked = [need("openssl"), "ts", "-verify", "-in", path, "-CAfile", authority / "tsa.pem", "-data"]
    assert subprocess.run([*checked, days[0].folder / CHECKPOINT], capture_output=True).returncode == 0
    assert subprocess.run([*checked, days[1].folder / CHECKPOINT], capture_output=True).returncode != 0
    assert stamped(days[0]) is not None
    assert stamped(days[1]) is None


def test_a_stamp_of_another_checkpoint_is_found(server, days):
    stamp(days[0], server.url).rename(stamp_file(days[1]))
    with pytest.raises(StampError, match="another checkpoint"):
        stamped(days[1])


def test_the_archive_is_read_with_stamps_in_it(server, days, room):
    stamp(days[0], server.url)
    assert len(list(room.store.verify("lab"))) == len(days)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda _asked: (503, b"busy"), "503"),
        (lambda _asked: (200, b"<html>"), "not a time stamp"),
        (lambda _asked: (200, b""), "not a time stamp"),
        (lambda _asked: (200, b"x" * 100_000), "too long"),
    ],
)
def test_an_authority_that_gives_none_is_named_and_nothing_is_kept(server, days, how, said):
    server.how = how
    with pytest.raises(StampError, match=said) as caught:
        stamp(days[0], server.url)
    assert server.url in str(caught.value)
    assert not stamp_file(days[0]).exists()


def test_a_stamp_that_was_given_to_somebody_else_is_refused(server, days):
    kept = []

    def same(asked):
        kept.append(server.stamps(asked))
        return kept[0]

    server.how = same
    stamp(days[0], server.url)
    with pytest.raises(StampError, match="of something else"):
        stamp(days[1], server.url)
    assert not stamp_file(days[1]).exists()


def test_nobody_at_the_address_is_said(days):
    with pytest.raises(StampError, match="127"):
        stamp(days[0], "http://127.0.0.1:9/", timeout_s=1)


def test_the_service_stamps_what_it_seals_and_tries_again_while_the_authority_is_away(server, room):
    room.take(visit(2, 0))
    config = Config(data=room.data, sites=(LAB,), archive=Archive(timestamp_url=server.url))
    sealing = Sealing(config, version="1.0", clock=lambda: at(8) / 1e6)
    server.how = lambda _asked: (503, b"")
    assert sealing.once() == 3
    assert "503" in sealing.health()["problems"]["lab time stamp"]
    server.how = server.stamps
    assert sealing.once() == 0
    assert sealing.health()["problems"] == {}
    assert all(stamped(day) is not None for day in room.store.days("lab"))
