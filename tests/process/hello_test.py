"""A cluster comes up, greets, goes down and leaves nothing behind."""
import json
import unittest

from omma_process import ProcessTest


class Hello(ProcessTest):
    def greet(self):
        *rows, last = self.succeed("run", "hello", "--greeting", "good day", "--json").lines()
        self.assertEqual([row["cursor"] for row in rows], [1, 2, 3, 4])
        self.assertEqual({(len(row["session"]), row["life"]) for row in rows}, {(32, 1)})
        self.assertEqual([row.get("left") for row in rows], [2, 1, 0, None])
        self.assertEqual([row["text"] for row in rows], ["good day"] * 3 + ["goodbye"])
        self.assertTrue(last["ledger"]["laws_hold"], last)
        ledger = json.loads(self.succeed("ledger", "--json").out)
        self.assertEqual((ledger["laws_hold"], ledger["broken"]), (True, []))

    def epochs(self):
        nodes = json.loads(self.succeed("ps", "--json").out)
        return {node["node"]: node["epoch"] for node in nodes}

    def test_a_cluster_greets_goes_down_without_a_trace_and_comes_up_again_in_a_new_epoch(self):
        file = self.cluster_file(self.one_node())
        running = self.up(file)
        self.greet()
        first = self.epochs()
        folder = self.home / "one"
        self.assertTrue((folder / "box.sock").is_socket())

        self.succeed("down")
        self.assertEqual(self.alive(), [], running)
        self.assertEqual([path for path in folder.rglob("*") if path.is_socket()], [])
        self.assertFalse((folder / "cluster.json").exists())
        self.refuse(3, "ps", says=["no cluster runs", "omma up"])

        self.up(file)
        self.greet()
        second = self.epochs()
        for node in first:
            self.assertGreater(second[node], first[node], "an epoch never comes twice")
        self.succeed("down")
        self.assertEqual(self.alive(), [])

    def test_two_clusters_on_one_machine_keep_apart_and_the_commands_ask_which(self):
        self.up(self.cluster_file(self.one_node("left"), "left.yaml"))
        self.up(self.cluster_file(self.one_node("right"), "right.yaml"))
        self.refuse(3, "run", "hello", says=["several clusters run", "left", "right", "--cluster"])
        self.succeed("run", "hello", "--cluster", "left")
        self.succeed("down", "--cluster", "left")
        self.assert_lives()


if __name__ == "__main__":
    unittest.main(verbosity=2)
