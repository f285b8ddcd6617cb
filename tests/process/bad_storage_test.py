"""Disks and directory files that are no good, and clients that stop reading: the reason names the
file, what is wrong and what to do, and no result is lost."""
import os
import pathlib
import resource
import signal
import sqlite3
import subprocess
import time
import unittest

from omma_process import BINARY, ProcessTest, rows_of

FAILED = 1
ROWS = 400
SCENE = f"synthetic:people?seed=3&frames={ROWS}&width=64&height=48&fps=25&objects=1"
NOBODY = 65534


class BadDirectory(ProcessTest):
    def setUp(self):
        super().setUp()
        self.file = self.cluster_file(self.one_node())
        self.up(self.file)
        self.succeed("down")
        self.database = self.home / "one/box/directory.sqlite"
        self.assertTrue(self.database.exists())

    def test_a_directory_that_cannot_be_used_is_named_with_what_is_wrong(self):
        whole = self.database.read_bytes()
        table = [
            ("garbage", lambda: self.database.write_bytes(b"x" * 8192), ["not a database"]),
            ("cut", lambda: self.database.write_bytes(whole[:len(whole) // 2]), ["damaged"]),
            ("newer", self.make_newer, ["has version 99", "this program writes"])]
        for name, damage, says in table:
            with self.subTest(name=name):
                self.database.write_bytes(whole)
                for besides in ["-wal", "-shm"]:
                    pathlib.Path(f"{self.database}{besides}").unlink(missing_ok=True)
                damage()
                before = self.database.read_bytes()
                self.refuse(FAILED, "up", self.file, says=["node box", str(self.database), *says])
                self.assertEqual(self.database.read_bytes(), before, "it was written to")
                self.assertEqual(self.alive(), [])
        self.database.write_bytes(whole)
        self.up(self.file)
        self.assert_lives()

    def make_newer(self):
        with sqlite3.connect(self.database) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()

    def test_a_directory_that_may_only_be_read_is_named(self):
        # The superuser may write anything, so somebody else tries.
        as_nobody = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        if as_nobody:
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
        self.database.chmod(0o444)
        process = subprocess.run([BINARY, "up", str(self.file)], env=self.environment, text=True,
                                 cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                                 timeout=60, check=False, **as_nobody)
        self.assertEqual(process.returncode, FAILED, process.stdout + process.stderr)
        for text in ["node box", str(self.database), "read-only"]:
            self.assertIn(text, process.stdout + process.stderr)


class FullDisk(ProcessTest):
    def setUp(self):
        super().setUp()
        self.up(self.cluster_file(self.one_node(more=f"""
cameras:
  - name: east
    node: box
    source: "{SCENE}"
    mode: every_frame
    pace: as_fast_as_possible
""")))

    def start_limited(self, bytes_max, *words):
        """As on a disk with so much room: a file may not grow beyond it."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
        return self.start(*words, preexec_fn=limit, restore_signals=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)

    def test_results_that_no_longer_fit_are_kept_by_the_session_and_written_later(self):
        path = self.folder / "rows.jsonl"
        client = self.start_limited(20_000, "run", "people_count", "--camera", "east", "--quiet",
                                    "--session", "full", "--out", path)
        out, err = client.communicate(timeout=60)
        self.assertEqual(client.returncode, FAILED, out + err)
        safe = rows_of(path)
        for text in ["cannot write to", str(path), "File too large", "free space",
                     "omma query"]:
            self.assertIn(text, err)
        self.assertLess(len(safe), ROWS)
        self.assert_lives()
        self.succeed("query", "full", "--out", path)  # There is room again.
        rows = rows_of(path)
        self.assertEqual([row["cursor"] for row in rows], list(range(1, len(rows) + 1)))
        self.assertEqual([row["frame"] for row in rows if row["kind"] == "frame"],
                         list(range(ROWS)))
        ledger = self.succeed("ledger", "--json").lines()[-1]
        self.assertTrue(ledger["laws_hold"], ledger)

    def test_what_is_no_file_for_results_is_refused_at_once(self):
        for path, says in [("/dev/full", "regular file"), (self.folder, "regular file")]:
            with self.subTest(path=path):
                self.refuse(FAILED, "run", "hello", "--out", path, says=[str(path), says])
        self.assert_lives()

    def test_a_client_that_stops_reading_loses_no_row_and_holds_nobody_up(self):
        path = self.folder / "rows.jsonl"
        client = self.start("run", "people_count", "--camera", "east", "--quiet", "--session",
                            "slow", "--out", path, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
        self.wait_for("the first rows", lambda: rows_of(path) or client.poll() is not None)
        client.send_signal(signal.SIGSTOP)
        self.assert_lives()
        time.sleep(1)  # As long as somebody who has scrolled up.
        self.assert_lives()
        client.send_signal(signal.SIGCONT)
        self.assertEqual(client.wait(timeout=60), 0)
        rows = rows_of(path)
        self.assertEqual([row["frame"] for row in rows if row["kind"] == "frame"],
                         list(range(ROWS)))
        self.assertEqual([row["cursor"] for row in rows], list(range(1, len(rows) + 1)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
