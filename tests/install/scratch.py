"""What the tests of installed things share: a scratch folder, commands that must succeed, and an
end to each cluster, however a test ends."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

COMMAND_SECONDS = 240


class Scratch:
    """A folder under /tmp, short because a Unix socket's path is; gone at the end."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="om", dir="/tmp"))
        self.environment = dict(os.environ, OMMA_HOME=str(self.folder / "h"))
        # What is built must find the installed library by itself.
        self.environment.pop("LD_LIBRARY_PATH", None)

    def run(self, *words, folder=None):
        """Its output; ends the test when it fails."""
        words = [str(word) for word in words]
        print("+", " ".join(words), flush=True)
        done = subprocess.run(words, cwd=folder or self.folder, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=COMMAND_SECONDS, check=False)
        if done.returncode != 0:
            sys.exit(f"exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    @contextlib.contextmanager
    def cluster(self, omma, file, *more):
        self.run(omma, "up", file, *more)
        try:
            yield
        finally:
            self.run(omma, "down")

    def rows_of(self, omma, *words):
        """Of a run: its rows, without the summary."""
        lines = [json.loads(line) for line in self.run(omma, "run", *words, "--json").splitlines()]
        summary = lines.pop()
        expect(summary["ledger"]["laws_hold"], f"the ledger adds up: {summary}")
        return lines

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def expect(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")
