#!/usr/bin/env python3
"""The chaos test: real nodes on a network that loses, delays and cuts, killed and paused all the
time while actors move; then what they wrote down is checked. README.md describes it.

    chaos.py --seconds 300 --seed 1 --omma build/dev/omma --node build/dev/tests/process/chaos/...

Exit code 0: no violation; 1: violations, or the cluster broke; 77: cannot run here, and why.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import check_history
import chaos_cluster
import load
import trouble
import wire

SKIPPED = 77
PREFIX = "omchaos"
LEASE_S = 2.0
DRAIN_S = 120


def nodes_of(cameras, clouds):
    yield chaos_cluster.Node("head", ["head"])
    for i in range(cameras):
        yield chaos_cluster.Node(f"cam-{chr(ord('a') + i)}", ["camera"])
    for i in range(clouds):
        yield chaos_cluster.Node(f"cloud-{chr(ord('a') + i)}", ["cloud"])


def cameras_of(count, seconds):
    """Every second one live, the others every frame and durable."""
    frames = max(20, int(seconds * load.SHARE_OF_TIME * 2))
    for i in range(count):
        source = (f"synthetic:people?seed={7 + i}&frames={frames}&width=320&height=240&fps=2"
                  "&objects=3")
        yield {"name": f"street-{i}", "node": "cam-a" if i % 2 == 0 else "cam-b", "source": source,
               "frames": frames, "mode": "live" if i % 2 else "every_frame", "durable": i % 2 == 0}


class Storm:
    """omma_storm, and the lines that it prints."""

    def __init__(self, cluster, program, options):
        nodes = ",".join(f"{name}={cluster.address(name)}" for name in cluster.nodes)
        self.moves = []
        self._file = cluster.folder / "moves.jsonl"
        self._process = subprocess.Popen(
            cluster.wire.command(chaos_cluster.CONTROL, program, "--nodes", nodes,
                                 "--rate", options.rate, "--seconds", options.seconds + 30,
                                 "--seed", options.seed, "--stay", "gateway",
                                 "--connections", 32),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self._file.open("w") as file:
            for line in self._process.stdout:
                file.write(line)
                self.moves.append(json.loads(line))

    def stop(self):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(timeout=5)


class Run:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.begun = time.monotonic()
        self.broken = []  # What went wrong beside the invariants.
        self.trouble = self.storm = self.load = None
        nodes = list(nodes_of(options.camera_nodes, options.cloud_nodes))
        hosts = [node.name for node in nodes] + [chaos_cluster.CONTROL]
        self.wire = wire.Wire(f"{PREFIX}{os.getpid()}", hosts, perfect=[chaos_cluster.CONTROL],
                              seed=options.seed)
        cameras = list(cameras_of(options.cameras, options.seconds))
        self.cluster = chaos_cluster.Cluster(
            f"chaos{os.getpid()}", folder, self.wire, nodes,
            {"omma": options.omma, "node": options.node}, LEASE_S, cameras)
        self.load = load.Load(self.cluster, options.seconds, options.chains, options.relays,
                              options.period_ms, cameras)

    def say(self, text):
        if not self.options.quiet:
            print(f"  {time.monotonic() - self.begun:6.1f} s  {text}", flush=True)

    def close(self):
        """Whatever happened: nothing stays."""
        if self.storm:
            self.storm.stop()
        for node in self.cluster.nodes.values():
            if node.runs():
                node.process.send_signal(signal.SIGCONT)
                node.process.kill()
                node.process.wait()
        self.wire.close()

    def make_trouble(self):
        self.say("starting the nodes")
        self.cluster.up()
        self.load.start()
        self.say(f"{len(self.load.sessions)} sessions run; trouble for {self.options.seconds} s")
        self.storm = Storm(self.cluster, self.options.storm, self.options)
        self.trouble = trouble.Trouble(self.cluster, self.options.seed, self.say)
        self.trouble.run(self.options.seconds)
        self.storm.stop()
        self.say("all is put right; waiting until all has arrived")

    def settle(self):
        try:
            self.cluster.wait_until_whole(60)
        except RuntimeError as failed:
            self.load.not_drained.append(str(failed))
        self.load.collect(self.options.drain)
        self.say("reading what stands where")

    def quiet_state(self):
        """What the checker wants to know beside the histories."""
        state = {"head": self.cluster.head.name, "away": self.trouble.away,
                 "not_drained": self.load.not_drained, "wrong_rows": self.load.wrong_rows}
        ledger = self.cluster.omma("ledger", "--json", patience_s=60)
        try:
            state["ledger"] = json.loads(ledger.stdout)
            state["broken_laws"] = state["ledger"].get("broken", [])
        except ValueError:
            self.broken.append(f"no ledger: {ledger.stdout[-300:]}{ledger.stderr[-300:]}")
        # Retirements may be under way: the two have to agree soon, not at once.
        for _ in range(20):
            listed = self.cluster.omma("ps", "--json")
            try:
                state["hosts"] = self.load.hosts(json.loads(listed.stdout))
            except ValueError:
                state["hosts"] = []
            state["directory"] = self.directory()
            same = {(row["id"], row["node"], row["epoch"]) for row in state["hosts"]} == \
                   {(row["id"], row["node"], row["epoch"]) for row in state["directory"]}
            if same:
                break
            time.sleep(1)
        return state

    def directory(self):
        file = self.cluster.data(self.cluster.head.name) / "directory.sqlite"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10) as connection:
            rows = connection.execute(
                "SELECT id, type, node_name, epoch, life FROM actors WHERE state = 0").fetchall()
        connection.close()
        return [{"id": key.hex(), "type": kind, "node": node, "epoch": epoch, "life": life}
                for key, kind, node, epoch, life in rows]

    def check(self):
        state = self.quiet_state()
        self.cluster.down()
        (self.folder / "quiet.json").write_text(json.dumps(state, indent=1))
        events = check_history.read_histories(self.folder)
        if not events:
            self.broken.append("no node wrote a history")
        violations = check_history.Checker(events, state).run()
        self.broken += self.cluster.unexpected
        return events, violations

    def print_summary(self, events, violations):
        moves = self.storm.moves
        outcomes = {}
        for move in moves:
            outcomes[move["outcome"]] = outcomes.get(move["outcome"], 0) + 1
        pauses = [move["pause_ms"] for move in moves if move["outcome"] == "moved"]
        percentile = check_history.percentile
        counts = self.trouble.counts
        network = self.wire.counts()["counts"]
        history = check_history.summary_of(events)
        rows = [
            ("seed", self.options.seed),
            ("seconds of trouble", self.options.seconds),
            ("moves asked for", f"{len(moves)} ({len(moves) / self.options.seconds:.1f} a second)"),
            ("  done", f"{outcomes.get('moved', 0)} "
                       f"({outcomes.get('moved', 0) / self.options.seconds:.1f} a second)"),
            ("  called off", outcomes.get("aborted", 0)),
            ("  refused", outcomes.get("refused", 0)),
            ("  could not begin", outcomes.get("failed", 0)),
            ("pause of moves, ms", f"p50 {percentile(pauses, 50)}, p99 {percentile(pauses, 99)}, "
                                   f"max {max(pauses, default=None)}"),
            ("kill -9", f"{counts['kill -9']} (of the head {counts['kill of the head']})"),
            ("SIGSTOP", counts["SIGSTOP"]),
            ("partitions", counts["partition"]),
            ("packets", f"{network.get('packets', 0)}, lost {network.get('lost', 0)}, "
                        f"cut {network.get('cut', 0)}"),
            ("activations", history["activations"]),
            ("checkpoints", history["checkpoints"]),
            ("rows read outside", sum(self.load.rows.values())),
            ("history lines", history["events"]),
            ("violations", len(violations)),
        ]
        for name, value in rows:
            print(f"{name:<24}{value}")
        for violation in violations[:40]:
            print(f"VIOLATION {violation.invariant} "
                  f"({check_history.INVARIANTS[violation.invariant]}): {violation.text}")
        for text in self.broken:
            print(f"BROKEN {text}")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--omma", required=True, help="the omma command")
    parser.add_argument("--node", required=True, help="omma_chaos_node")
    parser.add_argument("--storm", required=True, help="omma_storm")
    parser.add_argument("--camera-nodes", type=int, default=2)
    parser.add_argument("--cloud-nodes", type=int, default=3)
    parser.add_argument("--rate", type=float, default=40, help="moves asked for, a second")
    parser.add_argument("--chains", type=int, default=10)
    parser.add_argument("--relays", type=int, default=2, help="in each chain")
    parser.add_argument("--period-ms", type=int, default=100, help="between a chain's numbers")
    parser.add_argument("--cameras", type=int, default=2, help="synthetic, with people counted")
    parser.add_argument("--drain", type=float, default=DRAIN_S,
                        help="seconds until all has arrived")
    parser.add_argument("--keep", action="store_true", help="leave logs and histories")
    parser.add_argument("--quiet", action="store_true", help="only the summary")
    return parser.parse_args()


def main():
    options = parse_options()
    why = wire.why_not()
    if why:
        print(f"SKIPPED: {why}")
        return SKIPPED
    wire.remove_leftovers(PREFIX)
    for name in ("omma", "node", "storm"):
        setattr(options, name, str(pathlib.Path(getattr(options, name)).resolve()))
    folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    failed = True
    run = None
    # As Ctrl-C does, so that what follows is cleaned up as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run = Run(options, folder)
        run.make_trouble()
        run.settle()
        events, violations = run.check()
        run.print_summary(events, violations)
        failed = bool(violations or run.broken)
    except (RuntimeError, OSError, subprocess.SubprocessError) as broken:
        print(f"BROKEN {broken}")
    finally:
        if run:
            run.close()
        if options.keep or failed:
            print(f"logs and histories: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
