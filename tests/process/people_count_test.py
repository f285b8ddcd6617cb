"""The demo's three nodes count people in real video: every frame is accounted for, the same rows
come out each time, and a client that is killed loses nothing and repeats nothing."""
import json
import os
import random
import signal
import subprocess
import time
import unittest

from omma_process import CLIP_FRAMES, DOOR, ProcessTest, by_camera, endings_of, rows_of

BOTH = ["--camera", "east", "--camera", "west", "--line", DOOR]


class PeopleCount(ProcessTest):
    def setUp(self):
        super().setUp()
        self.up_demo()

    def count(self, out, *parameters):
        """Rows by camera, and the last line: summary and ledger."""
        path = self.folder / out
        outcome = self.succeed("run", "people_count", *parameters, "--out", path, "--json",
                               "--quiet")
        return by_camera(rows_of(path)), outcome.lines()[-1]

    def test_every_frame_of_recorded_video_is_counted_and_results_repeat_exactly(self):
        first, last = self.count("first.jsonl", *BOTH)
        self.assertTrue(last["ledger"]["laws_hold"], last)
        self.assertTrue(last["ledger"]["quiet"], last)
        for camera, (captured, ways) in endings_of(last["ledger"]).items():
            self.assertEqual(captured, CLIP_FRAMES, camera)
            done = {(f"people_counter '{camera}'", "done"): CLIP_FRAMES}
            self.assertEqual(ways, [done])
        for camera, rows in first.items():
            frames = [json.loads(row)["frame"] for row in rows
                      if json.loads(row)["kind"] == "frame"]
            self.assertEqual(frames, list(range(CLIP_FRAMES)), camera)
        crossings = [row for rows in first.values() for row in rows if '"crossing"' in row]
        self.assertGreater(len(crossings), 0, "somebody walks through the middle of each clip")

        again, _ = self.count("again.jsonl", *BOTH)
        self.assertEqual(again, first)
        # Alone its frames meet other batches in the network, and the rows must not show it.
        alone, _ = self.count("alone.jsonl", "--camera", "east", "--line", DOOR)
        self.assertEqual(alone["east"], first["east"])

    def test_a_client_killed_at_any_moment_loses_no_row_and_repeats_none(self):
        undisturbed, _ = self.count("undisturbed.jsonl", *BOTH)
        seed = int(os.environ.get("OMMA_TEST_SEED", time.time_ns() % 1_000_000))
        print(f"seed {seed} (again with OMMA_TEST_SEED={seed})", flush=True)
        chance = random.Random(seed)
        path = self.folder / "rows.jsonl"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        client = self.start("run", "people_count", *BOTH, "--session", "killed", "--out", path,
                            **quiet)
        # Killed before the cluster knows the session, it has started nothing that could go on.
        self.wait_for("the first rows", lambda: rows_of(path) or client.poll() is not None)
        kills = 0
        for _ in range(6):
            time.sleep(chance.uniform(0, 0.35))
            if client.poll() is None:
                kills += 1
            client.send_signal(signal.SIGKILL)
            client.wait()
            client = self.start("query", "killed", "--out", path, **quiet)
        client.kill()
        client.wait()
        self.assertGreater(kills, 0, "the query was over before the first kill")
        with open(path, "a", encoding="utf-8") as file:
            file.write('{"cursor":9')  # What a kill in mid-write leaves.
        self.succeed("query", "killed", "--out", path, "--stop")

        rows = rows_of(path)
        self.assertEqual([row["cursor"] for row in rows], list(range(1, len(rows) + 1)))
        # Each names itself for good, whichever of the clients wrote it.
        self.assertEqual(len({(row["session"], row["life"]) for row in rows}), 1, rows[0])
        self.assertEqual(by_camera(rows), undisturbed)
        self.refuse(1, "query", "killed", says="no session 'killed'")


if __name__ == "__main__":
    unittest.main(verbosity=2)
