"""How long it takes from publishing a message until /metrics counts it, through a real Mosquitto, at a steady rate."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.publisher import Publisher  # noqa: E402
from tests.servers import mosquitto  # noqa: E402
from tests.service.harness import Gecc, write_config  # noqa: E402

LIMIT_S = 2.0


def publish(port: int, rate: float, seconds: float, sent: list[float]) -> None:
    """Tickets at a steady rate; `sent` holds when each went out."""
    began = time.perf_counter()
    with Publisher(port) as publisher:
        for i in range(int(rate * seconds)):
            time.sleep(max(0.0, began + i / rate - time.perf_counter()))
            said = {"event": "issued", "ticket": f"A{i:06}", "service": "idcard", "boot": "k1", "seq": i + 1,
                    "time": datetime.now(UTC).isoformat()}  # fmt: skip
            sent.append(time.perf_counter())
            publisher.publish("gecc/v1/nonthaburi/kiosk-1/ticket", [json.dumps(said).encode()])


def measure(rate: float, seconds: float) -> list[float]:
    """Seconds from publishing to /metrics, of each message, in order of size."""
    with (
        tempfile.TemporaryDirectory(prefix="gecc-latency-") as folder,
        mosquitto() as broker,
        Gecc(write_config(Path(folder), mqtt_port=broker.port, receive_maximum=1000)) as service,
    ):
        sent: list[float] = []
        latencies: list[float] = []
        publishing = threading.Thread(target=publish, args=(broker.port, rate, seconds, sent))
        publishing.start()
        count, deadline = int(rate * seconds), time.perf_counter() + seconds + 30
        while len(latencies) < count and time.perf_counter() < deadline:
            shown = service.metrics().get('gecc_tickets_issued_total{site="nonthaburi",unit="idcard"}', 0)
            seen = time.perf_counter()
            latencies += [seen - at for at in sent[len(latencies) : int(shown)]]
            time.sleep(0.02)
        publishing.join()
        assert len(latencies) == count, f"only {len(latencies)} of {count} were counted"
        return sorted(latencies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500, help="messages a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds that 99 of 100 may take")
    args = parser.parse_args()
    latencies = measure(args.rate, args.seconds)
    p50, p99 = (latencies[int(len(latencies) * q)] for q in (0.5, 0.99))
    print(
        f"{len(latencies)} messages at {args.rate:g} a second: p50 {p50:.2f} s, p99 {p99:.2f} s, worst {latencies[-1]:.2f} s"
    )
    if p99 >= args.limit:
        sys.exit(f"p99 {p99:.2f} s is over {args.limit:g} s")


if __name__ == "__main__":
    main()
