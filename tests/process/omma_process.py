"""What the process tests share: the real omma binary, clusters of real processes on this machine,
and an end to all of it, however a test ends.

OMMA_BINARY names the binary, OMMA_SOURCE_DIR the checkout. One cluster home (OMMA_HOME) a test, in
a short folder under /tmp: a Unix socket's path has at most 107 bytes.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ["OMMA_BINARY"]
SOURCE = pathlib.Path(os.environ["OMMA_SOURCE_DIR"])
STREET_VIDEO = pathlib.Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
DOOR = "door=384,0:384,432"  # Across the pavement, in the clips' pixels.
CLIPS = {"east": "192,144,576,432", "west": "0,144,576,432"}
CLIP_FRAMES = 60
ORIGIN = ("session", "life", "cursor")  # Of a row: which it is, for good.
# No command of these tests takes long; one that hangs fails here and not at ctest's limit.
COMMAND_SECONDS = 60

HELLO_CLUSTER = """\
cluster: {name}
head: box
linger: 200ms
models: ["{models}"]
nodes:
  - name: box
    listen: unix:${{run_dir}}/box.sock
    roles: [head, camera, cloud]
    data: ${{run_dir}}/box
"""


class Outcome:
    """What a finished command left behind."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    def __str__(self):
        return f"omma {' '.join(self.words)}\nexit code {self.code}\n{self.out}\n{self.err}"

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class ProcessTest(unittest.TestCase):
    """A cluster home of its own, and a teardown that leaves no process behind."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="om", dir="/tmp"))
        self.home = self.folder / "h"
        self.environment = dict(os.environ, OMMA_HOME=str(self.home))
        self.processes = {}  # Of all clusters that this test started: pid -> node.

    def tearDown(self):
        for cluster in [entry.parent.name for entry in self.home.glob("*/cluster.json")]:
            self.omma("down", "--cluster", cluster)
        leftover = self.alive()
        for process in leftover:
            os.kill(process, signal.SIGKILL)
        logs = {log: log.read_text()[-1500:] for log in self.home.glob("*/*.log")}
        shutil.rmtree(self.folder, ignore_errors=True)
        if leftover:
            self.fail(f"after 'omma down' these nodes still ran: {leftover}\n{logs}")

    # --- Commands ---------------------------------------------------------------------------------

    def start(self, *words, **options):
        return subprocess.Popen([BINARY, *map(str, words)], env=self.environment, cwd=self.folder,
                                stdin=subprocess.DEVNULL, text=True, **options)

    def omma(self, *words, seconds=COMMAND_SECONDS):
        process = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.fail(f"no end within {seconds} s: {Outcome(words, None, out, err)}")
        return Outcome([str(word) for word in words], process.returncode, out, err)

    def succeed(self, *words, **options):
        outcome = self.omma(*words, **options)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome

    def refuse(self, code, *words, says=()):
        """It ends with this code, and its message holds all of these texts."""
        outcome = self.omma(*words)
        self.assertEqual(outcome.code, code, outcome)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, outcome.out + outcome.err, outcome)
        return outcome

    # --- Clusters ---------------------------------------------------------------------------------

    def cluster_file(self, text, name="cluster.yaml"):
        path = self.folder / name
        path.write_text(text)
        return path

    def one_node(self, name="one", more=""):
        return HELLO_CLUSTER.format(name=name, models=SOURCE / "models") + more

    def up(self, file, *settings):
        outcome = self.succeed("up", file, "--json", *settings)
        running = json.loads(outcome.out)
        self.processes.update({pid: node for node, pid in running["processes"].items()})
        return running

    def up_demo(self):
        self.cut_clips()
        return self.up(SOURCE / "clusters/demo.yaml", "--set", f"data_dir={self.folder}")

    def cut_clips(self):
        if not STREET_VIDEO.exists():
            self.skipTest(f"{STREET_VIDEO} is absent; Debian's package opencv-doc has it")
        for name, window in CLIPS.items():
            self.succeed("clip", STREET_VIDEO, self.folder / f"{name}.mp4", "--window", window,
                         "--frames", CLIP_FRAMES)

    def alive(self):
        """Of the nodes that this test's clusters started, those that still run."""
        running = []
        for process, node in self.processes.items():
            try:
                words = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"node" in words and node.encode() in words:
                running.append(process)
        return running

    def assert_lives(self):
        """The cluster still does its work."""
        outcome = self.succeed("run", "hello", "--json")
        self.assertEqual(outcome.lines()[-1]["summary"]["results"], 4, outcome)

    def wait_for(self, what, condition, seconds=20):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                self.fail(f"not within {seconds} s: {what}")
            time.sleep(0.02)


def rows_of(path):
    """The whole rows of a file of JSON Lines; a half line at its end is none."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def by_camera(rows):
    """Each camera's rows in their order, as text, without what another session's would have
    otherwise: which session it was, and the cursor, which follows from how the cameras' rows
    happened to interleave."""
    cameras = {}
    for row in rows:
        rest = {name: value for name, value in row.items() if name not in ORIGIN}
        cameras.setdefault(row.get("camera", ""), []).append(json.dumps(rest))
    return cameras


def endings_of(ledger):
    """By camera: captured, and a list of {(where, why): frames}, one a way."""
    return {camera["camera"]: (camera["captured"],
                               [{(end["where"], end["why"]): end["frames"] for end in way}
                                for way in camera["ways"]])
            for camera in ledger["cameras"]}
