"""Ray's actors on the same machine, for the speed table: prints one line of JSON.

    python3 tools/bench/ray_rows.py         # with a Python that has Ray

Two actors, so two processes: one asks the other and waits for each answer, then sends it small
messages as fast as it can, a burst at a time.
"""

import json
import os
import sys
import time

try:
    import ray
except ImportError as missing:
    print(json.dumps({"skipped": f"no Ray for this Python: {missing}"}))
    sys.exit(0)

ROUND_TRIPS = 2000
MESSAGES = 20_000
BURST = 256
FILLING = b"x" * 64
BOXES = [(1.0, 2.0, 40.0, 90.0, 0.75, 1)] * 5


@ray.remote
class Taker:
    def __init__(self):
        self.read = 0

    def echo(self, number, filling):
        return number, filling

    def take(self, boxes):
        self.read += len(boxes) > 0
        return self.read


@ray.remote
class Sender:
    def round_trips(self, taker):
        microseconds = []
        for number in range(ROUND_TRIPS + ROUND_TRIPS // 10):
            begun = time.perf_counter()
            ray.get(taker.echo.remote(number, FILLING))
            microseconds.append((time.perf_counter() - begun) * 1e6)
        return sorted(microseconds[ROUND_TRIPS // 10:])

    def rate(self, taker):
        begun = time.perf_counter()
        for _ in range(MESSAGES // BURST):
            ray.get([taker.take.remote(BOXES) for _ in range(BURST)])
        return MESSAGES // BURST * BURST / (time.perf_counter() - begun)


def main():
    # Ray talks a lot; standard output is for the figures.
    figures = os.dup(1)
    os.dup2(2, 1)
    ray.init(num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False)
    try:
        taker, sender = Taker.remote(), Sender.remote()
        taken = ray.get(sender.round_trips.remote(taker))
        rate = ray.get(sender.rate.remote(taker))
    finally:
        ray.shutdown()
    line = json.dumps({"version": ray.__version__, "p50_us": taken[len(taken) // 2],
                       "p99_us": taken[len(taken) * 99 // 100], "per_second": rate})
    os.write(figures, line.encode() + b"\n")


if __name__ == "__main__":
    main()
