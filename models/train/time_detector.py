"""Milliseconds a frame of a detector on one thread, frozen and optimised.

    time_detector.py --model CARD [--frames 200]

Prints time on the clock and time of the CPU: on a busy machine only the second says something
about the model. Run it with MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ set to something
large, as the product does with mallopt: otherwise every big tensor is mapped and unmapped.
"""

import argparse
import json
import time
from pathlib import Path

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a detector's card (.json)")
    parser.add_argument("--frames", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    card_path = Path(arguments.model)
    card = json.loads(card_path.read_text())
    module = torch.jit.load(str(card_path.parent / card["file"])).eval()
    module = torch.jit.optimize_for_inference(torch.jit.freeze(module))
    pixels = torch.rand(card["input"]["shape"]) * 255
    clock, cpu = [], []
    with torch.no_grad():
        for frame in range(arguments.frames + 10):
            clock_started, cpu_started = time.perf_counter(), time.thread_time()
            module(pixels)
            if frame >= 10:
                cpu.append((time.thread_time() - cpu_started) * 1e3)
                clock.append((time.perf_counter() - clock_started) * 1e3)
    for name, taken in (("clock", clock), ("CPU", cpu)):
        taken.sort()
        print(f"{card['name']} {name}: best {taken[0]:.1f}, median {taken[len(taken) // 2]:.1f}, "
              f"worst {taken[-1]:.1f} ms a frame")


if __name__ == "__main__":
    main()
