"""A cluster of five real node processes for the bench of moves, and the observer outside that reads
what its sessions give out."""

import json
import os
import pathlib
import signal
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]

FPS = 30
PORT = 4400
NODES = {"hub": ["head"], "cam-a": ["camera"], "cam-b": ["camera"], "cloud-a": ["cloud"],
         "cloud-b": ["cloud"]}
LEASE_S = 2.0
CAMERA = "synthetic:people?seed={seed}&width=640&height=360&fps=30&objects=5"


class Cluster:
    def __init__(self, omma, folder, video, wire=None, durable=False, node=None):
        self.omma_binary, self.folder, self.wire = str(omma), folder, wire
        self.node_binary = str(node or omma)
        self.environment = dict(os.environ, OMMA_HOME=str(folder / "home"))
        self.file = folder / "moves.yaml"
        self.processes = {}
        lines = ["cluster: moves", "head: hub", f"lease: {int(LEASE_S * 1000)}ms",
                 f'models: ["{SOURCE / "models"}"]', "nodes:"]
        for name, roles in NODES.items():
            (folder / name).mkdir()
            lines += [f"  - name: {name}", f"    listen: {self.address(name)}",
                      f"    roles: [{', '.join(roles)}]", f"    data: {folder / name}"]
        lines += ["cameras:"]
        for name, source, mode, safe in (("whole", video, "every_frame", durable),
                                         ("live", CAMERA.format(seed=9), "live", False)):
            lines += [f"  - name: {name}", "    node: cam-a", f"    source: \"{source}\"",
                      f"    mode: {mode}", "    pace: by_timestamps",
                      f"    durable: {str(safe).lower()}"]
        self.file.write_text("\n".join(lines) + "\n")

    def address(self, name):
        if self.wire:
            return f"{self.wire.addresses[name]}:{PORT}"
        return f"unix:{self.folder}/{name}.sock"

    def on(self, host, words):
        return self.wire.command(host, *words) if self.wire else list(map(str, words))

    def start(self, name):
        log = open(self.folder / f"{name}.log", "ab")
        words = self.on(name, [self.node_binary, "node", name, "--file", self.file])
        self.processes[name] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=log, env=self.environment,
                                                start_new_session=True)

    def up(self):
        for name in NODES:
            self.start(name)
        home = self.folder / "home" / "moves"
        home.mkdir(parents=True)
        (home / "cluster.json").write_text(json.dumps({
            "name": "moves", "cluster_file": str(self.file), "variables": {},
            "head_address": self.address("hub"),
            "processes": {name: process.pid for name, process in self.processes.items()}}))
        until = time.monotonic() + 30
        while True:
            listed = self.omma("nodes", "--json")
            if listed.returncode == 0 and sum(
                    node["state"] == "alive" for node in json.loads(listed.stdout)) >= len(NODES):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"the cluster does not come up: {listed.stdout}{listed.stderr}")
            time.sleep(0.2)

    def omma(self, *words, seconds=60):
        return subprocess.run(self.on("hub", [self.omma_binary, *words]), env=self.environment,
                              capture_output=True, text=True, timeout=seconds, check=False)

    def kill(self, name):
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def end(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def homes(self):
        """TYPE/NAME -> node."""
        found = {}
        for node in json.loads(self.omma("ps", "--json").stdout):
            for actor in node.get("actors", []):
                found[f"{actor['type']}/{actor['name']}"] = node["node"]
        return found


class Rows:
    """What the sessions gave out, read by a client as anybody would."""

    def __init__(self, cluster, session):
        self.file = cluster.folder / f"{session}.jsonl"
        self.process = subprocess.Popen(
            cluster.on("hub", [cluster.omma_binary, "query", session, "--out", self.file]),
            env=cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

    def frames(self, camera):
        if not self.file.exists():
            return []
        frames = []
        for line in self.file.read_text().splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue  # The last one, half written.
            if row.get("camera") == camera and row.get("kind") == "frame":
                frames.append(row["frame"])
        return frames

    def end(self):
        self.process.kill()
        self.process.wait()


def faults_of(frames):
    """(lost, doubled or out of order)"""
    lost = (max(frames) + 1 - len(set(frames))) if frames else 0
    disorder = sum(1 for a, b in zip(frames, frames[1:]) if b <= a)
    return lost, disorder
