#!/usr/bin/env python3
"""What tracing every frame costs a pipeline: frames a second with `trace: on` and `trace: off`.

    python3 tools/trace/overhead.py --build build/release [--video FILE] [--pairs 5] [--check]

Two clusters of two processes run at the same time, alike but for that key, and only one of them
works at a time: each pair counts people in the same clip once in each, the first of a pair taking
turns. A run's rate is taken from its first to its last row, so that starting and loading are not in
it. The ratio of a pair compares two runs that are seconds apart; the median of the pairs is the
result, with the range of the pairs beside it. --check fails below 0.98.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

VIDEO = "/usr/share/doc/opencv-doc/examples/data/vtest.avi"
AIM = 0.98
CLUSTER = """\
cluster: trace-{trace}
head: cloud
linger: 100ms
trace: {trace}
models: ["{models}"]
nodes:
  - name: cloud
    listen: unix:${{run_dir}}/cloud.sock
    roles: [head, cloud]
    data: ${{run_dir}}/cloud
  - name: edge
    listen: unix:${{run_dir}}/edge.sock
    roles: [camera]
    data: ${{run_dir}}/edge
cameras:
  - name: street
    node: edge
    source: {video}
    mode: every_frame
    pace: as_fast_as_possible
"""


class Clusters:
    """Both clusters, in a folder of their own; ends their processes whatever happens."""

    def __init__(self, binary, models, video, frames):
        self.binary = binary
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="omtr", dir="/tmp"))
        self.environment = dict(os.environ, OMMA_HOME=str(self.folder / "h"))
        self.models, self.video, self.frames = models, video, frames
        self.processes = []

    def __enter__(self):
        clip = self.folder / "clip.mp4"
        self.call("clip", self.video, clip, "--frames", self.frames)
        for trace in ("on", "off"):
            file = self.folder / f"{trace}.yaml"
            file.write_text(CLUSTER.format(trace=trace, models=self.models, video=clip))
            running = json.loads(self.call("up", file, "--json"))
            self.processes += running["processes"].values()
        return self

    def __exit__(self, *_):
        for trace in ("on", "off"):
            subprocess.run([self.binary, "down", "--cluster", f"trace-{trace}"],
                           env=self.environment, capture_output=True, timeout=60, check=False)
        for process in self.processes:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, *words):
        done = subprocess.run([self.binary, *map(str, words)], env=self.environment, text=True,
                              capture_output=True, timeout=300, check=False)
        if done.returncode != 0:
            sys.exit(f"omma {' '.join(map(str, words))}: {done.stderr}{done.stdout}")
        return done.stdout

    def rate(self, trace):
        """Frames a second of one run, from its first to its last row."""
        words = [self.binary, "run", "people_count", "--cluster", f"trace-{trace}", "--camera",
                 "street", "--kind", "frame", "--json"]
        run = subprocess.Popen(words, env=self.environment, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
        rows, first, last = 0, 0.0, 0.0
        try:
            for line in run.stdout:
                if not line.startswith('{"'):
                    continue
                if json.loads(line).get("kind") != "frame":
                    continue
                last = time.monotonic()
                first = first or last
                rows += 1
            code = run.wait(timeout=60)
        finally:
            run.kill()
            run.wait()
        if code != 0 or rows < 2:
            sys.exit(f"the run with trace: {trace} gave {rows} rows and exit code {code}")
        time.sleep(0.5)  # Its stages retire, so that the next run begins anew.
        return (rows - 1) / (last - first)

    def hops(self, frame):
        (trace,) = json.loads(self.call("trace", f"street/{frame}", "--cluster", "trace-on",
                                        "--json"))
        return len(trace["hops"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--video", default=VIDEO)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    binary = str((root / options.build / "omma").resolve())
    if not pathlib.Path(options.video).exists():
        print(f"SKIPPED: no video at {options.video}; name one with --video")
        return 0
    with Clusters(binary, root / "models", options.video, options.frames) as clusters:
        for trace in ("on", "off"):
            clusters.rate(trace)  # Caches are warm from here on.
        pairs = []
        for pair in range(options.pairs):
            order = ("on", "off") if pair % 2 == 0 else ("off", "on")
            pairs.append({trace: clusters.rate(trace) for trace in order})
        hops = clusters.hops(options.frames // 2)
    ratios = [pair["on"] / pair["off"] for pair in pairs]
    result = {"frames": options.frames, "pairs": pairs, "ratio": statistics.median(ratios),
              "ratio_min": min(ratios), "ratio_max": max(ratios), "hops": hops}
    if options.json:
        print(json.dumps(result))
    else:
        for pair, ratio in zip(pairs, ratios):
            print(f"on {pair['on']:7.2f}/s   off {pair['off']:7.2f}/s   ratio {ratio:.4f}")
        print(f"tracing all frames: {result['ratio']:.4f} of the rate without (median of "
              f"{len(pairs)} pairs, {min(ratios):.4f} to {max(ratios):.4f}); {hops} hops a frame; "
              f"aim at least {AIM}")
    return 1 if options.check and result["ratio"] < AIM else 0


if __name__ == "__main__":
    sys.exit(main())
