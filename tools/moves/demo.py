"""The second half of ./run demo: counts people once more, while actors move between the nodes and
one camera's node is killed, and lays the results beside those of the undisturbed run.

    python3 tools/moves/demo.py --omma build/release/omma --videos DIR --out DIR -- PARAMETERS

PARAMETERS are those of the undisturbed run, whose rows are OUT/results.jsonl. Fails when a row
differs or the ledger does not add up. The cluster is clusters/moves.yaml; it is stopped at the end.
"""

import argparse
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CLUSTER = "moves"
VICTIM = "cam-east"
# Until the victim is killed, these move to and fro.
ROUND = (("tracker/east", "cloud-2"), ("stream_router/west", "cam-east"),
         ("model_shard/omma-detector", "cloud-2"), ("people_counter/west", "cloud-2"),
         ("camera/west", "cam-east"), ("tracker/east", "cloud-1"),
         ("stream_router/west", "cam-west"), ("model_shard/omma-detector", "cloud-1"),
         ("people_counter/west", "cloud-1"), ("camera/west", "cam-west"))
FRAMES_BEFORE_KILL = 250
ORIGIN = ("session", "life", "cursor")  # Of a row: which it is, for good.


def say(text):
    print(f"\033[1m== {text}\033[0m", file=sys.stderr, flush=True)


class Demo:
    def __init__(self, options):
        self.options = options
        self.rows_file = options.out / "moved.jsonl"

    def omma(self, *words):
        return subprocess.run([self.options.omma, *words, "--cluster", CLUSTER], text=True,
                              capture_output=True, check=False)

    def up(self):
        begun = subprocess.run([self.options.omma, "up", SOURCE / "clusters/moves.yaml", "--json",
                                "--set", f"data_dir={self.options.videos}"], text=True,
                               capture_output=True, check=False)
        if begun.returncode != 0:
            raise SystemExit(begun.stdout + begun.stderr)
        return json.loads(begun.stdout)["processes"]

    def rows(self):
        return rows_of(self.rows_file)

    def move_about(self, run):
        """Moves until so many frames of the victim's camera are through."""
        moves = []
        for actor, node in itertools.cycle(ROUND):
            frames = sum(row["kind"] == "frame" and row["camera"] == "east" for row in self.rows())
            if frames >= FRAMES_BEFORE_KILL or run.poll() is not None:
                return moves
            if not any(row["kind"] == "frame" for row in self.rows()):
                time.sleep(0.2)
                continue
            moved = self.omma("move", actor, node, "--json", "--reason", "the demo")
            try:
                told = json.loads(moved.stdout)
            except json.JSONDecodeError:
                continue  # It is there already.
            if told.get("outcome") == "moved":
                moves.append(told)
                print(f"  {actor:28} {told['from']} -> {told['to']}: pause "
                      f"{told['pause_ms']:.1f} ms, {told['bytes']} bytes", flush=True)
            time.sleep(0.3)
        return moves


def rows_of(file):
    rows = []
    if not file.exists():
        return rows
    for line in file.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            pass  # Half written.
    return rows


def results_of(rows, camera):
    """What was found out, in order, without the session and the numbers that it gave."""
    return [{key: value for key, value in row.items() if key not in ORIGIN}
            for row in rows if row["camera"] == camera and row["kind"] != "recorded"]


def totals_of(rows, camera):
    ends = [row for row in rows if row["camera"] == camera and row["kind"] == "end"]
    return {key: value for key, value in (ends[-1] if ends else {}).items()
            if key not in (*ORIGIN, "kind", "camera", "media_s")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--omma", type=pathlib.Path, required=True)
    parser.add_argument("--videos", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("parameters", nargs="*")
    options = parser.parse_args()
    options.omma = options.omma.resolve()
    demo = Demo(options)
    demo.omma("down")
    for leftover in options.out.glob("moved.jsonl*"):
        leftover.unlink()
    say("the same again on five nodes, all of it durable; actors move, and a camera node is killed")
    processes = demo.up()
    began = time.monotonic()
    try:
        with open(options.out / "moved.log", "w", encoding="utf-8") as log:
            run = subprocess.Popen([options.omma, "run", "people_count", "--cluster", CLUSTER,
                                    "--quiet", "--out", demo.rows_file, *options.parameters],
                                   stdout=log, stderr=subprocess.STDOUT)
            moves = demo.move_about(run)
            say(f"kill -9 of {VICTIM}, {len(demo.rows())} results in")
            os.kill(int(processes[VICTIM]), signal.SIGKILL)
            code = run.wait()
        seconds = time.monotonic() - began
        log = (options.out / "moved.log").read_text(encoding="utf-8")
        print(log[log.find("Where each camera's frames ended"):].rstrip())
        print("What moved and why (omma moves)")
        for line in demo.omma("moves").stdout.splitlines()[:6]:
            print(f"  {line}")
    finally:
        demo.omma("down")

    before, after = rows_of(options.out / "results.jsonl"), demo.rows()
    pauses = sorted(move["pause_ms"] for move in moves)
    print(f"\n{len(moves)} moves under load, pause p50 {pauses[len(pauses) // 2]:.1f} ms, longest "
          f"{pauses[-1]:.1f} ms; one node killed; {seconds:.0f} s in all"
          if pauses else "\nno move came about: the run was over too soon")
    same = True
    print(f"  {'':32} undisturbed   moved and killed")
    for camera in ("east", "west"):
        first, second = totals_of(before, camera), totals_of(after, camera)
        for key in first:
            print(f"  {camera + ' ' + key:32} {first[key]:11}   {second.get(key, 'missing'):>16}")
        rows, again = results_of(before, camera), results_of(after, camera)
        equal = rows == again
        same = same and equal
        print(f"  {camera + ', rows':32} {len(rows):11}   {len(again):16}   "
              f"{'each the same' if equal else 'THEY DIFFER'}")
    if code != 0:
        print(f"omma run ended with {code}; its output is in {options.out / 'moved.log'}")
    return 0 if code == 0 and same and moves else 1


if __name__ == "__main__":
    sys.exit(main())
