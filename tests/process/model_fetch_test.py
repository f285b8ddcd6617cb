"""A node that lacks a model gets it from a peer by its hash, checked, and keeps it."""
import json
import shutil
import unittest

from omma_process import SOURCE, ProcessTest

MODEL = "omma-detector"
CLUSTER = """\
cluster: two
head: box
linger: 200ms
nodes:
  - name: box
    listen: unix:${{run_dir}}/box.sock
    roles: [head, camera]
    models: ["{box}"]
    data: ${{run_dir}}/box
  - name: far
    listen: unix:${{run_dir}}/far.sock
    roles: [cloud]
    models: ["{far}"]
    data: ${{run_dir}}/far
cameras:
  - name: gate
    node: box
    source: "synthetic:people?seed=7"
    mode: every_frame
    pace: as_fast_as_possible
    frames_max: 12
"""


class ModelFetch(ProcessTest):
    def setUp(self):
        super().setUp()
        self.box, self.far = self.folder / "box-models", self.folder / "far-models"
        self.box.mkdir()
        self.far.mkdir()
        for ending in (".pt", ".json"):
            shutil.copy(SOURCE / "models" / (MODEL + ending), self.box)
        self.cache = self.home / "two" / "far" / "models"

    def start_cluster(self):
        self.up(self.cluster_file(CLUSTER.format(box=self.box, far=self.far)))

    def count(self):
        """Of the frames that were looked at; the network runs on the node that lacked it."""
        outcome = self.succeed("run", "people_count", "--camera", "gate", "--json")
        *rows, last = outcome.lines()
        self.assertTrue(last["ledger"]["laws_hold"], last)
        return len([row for row in rows if row["kind"] == "frame"])

    def test_a_model_that_only_the_head_has_runs_on_the_node_that_lacks_it(self):
        self.start_cluster()
        models = json.loads(self.succeed("models", "--json").out)["models"]
        digest = models[0]["sha256"]
        self.assertEqual(list(self.far.iterdir()), [])
        self.assertEqual(self.count(), 12)
        kept = self.cache / digest / (MODEL + ".pt")
        self.assertEqual(kept.read_bytes(), (self.box / (MODEL + ".pt")).read_bytes())
        self.assertEqual([entry.name for entry in self.cache.iterdir()], [digest])
        written = kept.stat().st_mtime_ns

        self.assertEqual(self.count(), 12)
        self.assertEqual(kept.stat().st_mtime_ns, written, "it is not fetched again")

        # What was damaged on disk is noticed and fetched anew.
        self.succeed("down")
        kept.write_bytes(b"no network")
        self.start_cluster()
        self.assertEqual(self.count(), 12)
        self.assertEqual(kept.read_bytes(), (self.box / (MODEL + ".pt")).read_bytes())

    def test_another_file_of_the_same_name_is_not_taken_for_it(self):
        shutil.copy(SOURCE / "models" / (MODEL + ".json"), self.far)
        (self.far / (MODEL + ".pt")).write_bytes(b"another file")
        self.start_cluster()
        self.assertEqual(self.count(), 12)
        self.assertEqual((self.far / (MODEL + ".pt")).read_bytes(), b"another file")

    def test_a_label_that_the_model_lacks_is_refused_with_those_it_has(self):
        self.start_cluster()
        self.refuse(1, "run", "people_count", "--camera", "gate", "--label", "cat",
                    says=["has no label 'cat'", "person", "--label"])
        self.refuse(1, "run", "people_count", "--camera", "gate", "--durable",
                    says=["camera 'gate' is shared", "durable: true"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
