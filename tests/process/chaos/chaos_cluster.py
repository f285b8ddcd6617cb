"""A cluster of real nodes, each on a host of its own on a Wire, and what runs on it."""
import json
import os
import pathlib
import signal
import subprocess
import time

PORT = 4400
CONTROL = "ctl"  # The host that commands are given from; its packets always arrive.


class Node:
    def __init__(self, name, roles):
        self.name, self.roles = name, roles
        self.process = None
        self.paused = False

    def runs(self):
        return self.process is not None and self.process.poll() is None


class Cluster:
    def __init__(self, name, folder, wire, nodes, programs, lease_s, cameras=(), history=True):
        self.name, self.folder, self.wire, self.lease_s = name, folder, wire, lease_s
        self.nodes = {node.name: node for node in nodes}
        self.programs = programs  # "omma" and "node": paths.
        self.cameras = cameras
        self.history = history
        self.unexpected = []  # Nodes that ended although nobody ended them.
        self.home = folder / "home"
        self.environment = dict(os.environ, OMMA_HOME=str(self.home))
        self.file = folder / "cluster.yaml"
        self.file.write_text(self._cluster_file())

    @property
    def head(self):
        return next(node for node in self.nodes.values() if "head" in node.roles)

    def address(self, name):
        return f"{self.wire.addresses[name]}:{PORT}"

    def data(self, name):
        return self.folder / "data" / name

    def history_file(self, name):
        return self.folder / f"{name}.history"

    def log_file(self, name):
        return self.folder / f"{name}.log"

    def _cluster_file(self):
        lines = [f"cluster: {self.name}", f"head: {self.head.name}", "linger: 2s"]
        if self.lease_s:
            lines.append(f"lease: {int(self.lease_s * 1000)}ms")
        models = pathlib.Path(__file__).resolve().parents[3] / "models"
        lines += [f'models: ["{models}"]', "nodes:"]
        for node in self.nodes.values():
            lines += [f"  - name: {node.name}", f"    listen: {self.address(node.name)}",
                      f"    roles: [{', '.join(node.roles)}]", f"    data: {self.data(node.name)}"]
            if self.history:
                lines.append(f"    history: {self.history_file(node.name)}")
        if self.cameras:
            lines.append("cameras:")
        for camera in self.cameras:
            lines += [f"  - name: {camera['name']}", f"    node: {camera['node']}",
                      f"    source: \"{camera['source']}\"", f"    mode: {camera['mode']}",
                      f"    durable: {str(camera['durable']).lower()}"]
        return "\n".join(lines) + "\n"

    # --- Processes --------------------------------------------------------------------------------

    def start(self, name):
        node = self.nodes[name]
        log = open(self.log_file(name), "ab")
        words = self.wire.command(name, self.programs["node"], "node", name, "--file", self.file)
        node.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=self.environment, start_new_session=True)
        node.paused = False
        log.close()

    def kill(self, name):
        """As a power cut: no word to anybody."""
        node = self.nodes[name]
        self.note_if_ended(name)
        node.process.kill()
        node.process.wait()

    def pause(self, name):
        self.nodes[name].process.send_signal(signal.SIGSTOP)
        self.nodes[name].paused = True

    def wake(self, name):
        self.nodes[name].process.send_signal(signal.SIGCONT)
        self.nodes[name].paused = False

    def note_if_ended(self, name):
        node = self.nodes[name]
        if node.process is None or node.process.poll() is None:
            return False
        end = self.log_file(name).read_text(errors="replace")[-600:]
        self.unexpected.append(f"node {name} ended by itself, code {node.process.returncode}: "
                               f"...{end}")
        return True

    def write_down(self):
        """So that the omma command finds it."""
        folder = self.home / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cluster.json").write_text(json.dumps({
            "name": self.name, "cluster_file": str(self.file), "variables": {},
            "head_address": self.address(self.head.name),
            "processes": {node.name: node.process.pid for node in self.nodes.values()}}))

    def up(self, patience_s=60):
        for name in self.nodes:
            self.data(name).mkdir(parents=True, exist_ok=True)
            self.start(name)
        self.write_down()
        self.wait_until_whole(patience_s)

    def wait_until_whole(self, patience_s):
        until = time.monotonic() + patience_s
        while True:
            for name in self.nodes:
                if self.nodes[name].process.poll() is not None:
                    raise RuntimeError(f"node {name} does not start:\n" +
                                       self.log_file(name).read_text(errors="replace")[-2000:])
            listed = self.omma("ps", "--json", patience_s=20)
            if listed.returncode == 0:
                rows = json.loads(listed.stdout)
                if (len(rows) == len(self.nodes) and
                        not any(row.get("unreachable") for row in rows)):
                    return rows
            if time.monotonic() > until:
                raise RuntimeError(f"the cluster is not whole within {patience_s} s: "
                                   f"{listed.stdout[-500:]}{listed.stderr[-500:]}")
            time.sleep(0.2)

    def down(self):
        for node in self.nodes.values():
            if node.runs():
                if node.paused:
                    self.wake(node.name)
                node.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 20
        for node in self.nodes.values():
            if node.process is None:
                continue
            try:
                node.process.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()
                self.unexpected.append(f"node {node.name} did not end on SIGTERM within 20 s")

    # --- Commands ---------------------------------------------------------------------------------

    def command(self, *words):
        return self.wire.command(CONTROL, self.programs["omma"], *words)

    def omma(self, *words, patience_s=30):
        command = self.command(*words, "--cluster", self.name)
        try:
            return subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL,
                                  text=True, capture_output=True, timeout=patience_s)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no end within {patience_s} s")
