"""Handlers that misbehave: which actor it is, what it handles and for how long stands in `omma ps`
and in the log; nobody else suffers, and nothing is lost."""
import json
import os
import subprocess
import time
import unittest

from omma_process import ProcessTest

NODE = os.environ["OMMA_TROUBLE_NODE"]
THREADS = 2  # Of a node, for turns.


class Trouble(ProcessTest):
    def setUp(self):
        super().setUp()
        folder = self.home / "one"
        folder.mkdir(parents=True)
        self.log_file = folder / "box" / "log.jsonl"
        file = self.cluster_file(self.one_node().replace("${run_dir}", str(folder)))
        with open(folder / "box.log", "ab") as log:
            self.node = subprocess.Popen([NODE, "node", "box", "--file", str(file)], stdout=log,
                                         stderr=log, stdin=subprocess.DEVNULL)
        self.processes[self.node.pid] = "box"
        (folder / "cluster.json").write_text(json.dumps({
            "name": "one", "cluster_file": str(file), "variables": {},
            "head_address": f"unix:{folder}/box.sock", "processes": {"box": self.node.pid}}))
        self.wait_for("the node", lambda: self.omma("ps").code == 0)

    def tearDown(self):
        self.omma("down", "--cluster", "one")
        self.node.kill()
        self.node.wait()
        super().tearDown()

    def log(self, words):
        if not self.log_file.exists():
            return []
        return [line for line in map(json.loads, self.log_file.read_text().splitlines())
                if words in line["msg"]]

    def run_trouble(self, how, milliseconds=4000):
        return self.start("run", "trouble", "--how", how, "--ms", milliseconds, "--json",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, client):
        out, err = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, out + err)
        *rows, last = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["kind"] for row in rows], ["survived", "end"])
        self.assertTrue(last["ledger"]["laws_hold"], last)

    def test_a_handler_that_throws_is_named_with_what_it_threw_and_its_actor_goes_on(self):
        client = self.run_trouble("throw")
        shown = ""
        while "the sky is falling" not in shown and client.poll() is None:
            shown = self.succeed("ps").out
        for text in ["troublemaker", "throw", "FAILED TURNS", "the sky is falling"]:
            self.assertIn(text, shown)
        self.finish(client)
        told = self.log("the sky is falling")
        self.assertEqual(len(told), 3, told)
        self.assertIn("troublemaker 'throw': turn failed, attempt 3 of 3", told[-1]["msg"])
        self.assert_lives()

    def test_a_handler_that_blocks_or_loops_is_named_while_it_does_and_nobody_waits_for_it(self):
        for how in ["block", "loop"]:
            with self.subTest(how=how):
                client = self.run_trouble(how, 12_000)
                shown = ""
                while "ONE TURN TAKES" not in shown and client.poll() is None:
                    shown = self.succeed("ps").out
                self.assert_lives()  # On the other thread.
                self.assertIsNone(client.poll(), "it was waited for")
                self.assertRegex(
                    shown, rf"troublemaker '{how}'  ONE TURN TAKES \d+\.\d s ALREADY; it handles "
                    "timer 1")
                self.assertIn("1 actors did not report in time", shown)
                self.finish(client)
                told = [line["fields"] for line in self.log("a turn takes too long")]
                mine = [line for line in told if line["actor"] == f"troublemaker '{how}'"]
                self.assertTrue(mine, told)
                self.assertEqual((mine[0]["handles"], mine[0]["limit_ms"]), ("timer 1", 1000))
                self.wait_for("the end", lambda: any(
                    line["fields"]["actor"] == f"troublemaker '{how}'"
                    for line in self.log("a turn that took too long has ended")))
                self.assertNotIn("ONE TURN TAKES", self.succeed("ps").out)

    def test_even_when_all_threads_are_kept_the_node_says_by_whom(self):
        clients = [self.run_trouble(f"loop-{i}", 9000) for i in range(THREADS)]
        until = time.monotonic() + 8
        shown = ""
        while time.monotonic() < until and shown.count("ONE TURN TAKES") < THREADS:
            shown = self.omma("ps").out
        for i in range(THREADS):
            self.assertRegex(shown, rf"troublemaker 'loop-{i}'  ONE TURN TAKES")
        for client in clients:
            self.finish(client)
        self.assert_lives()


if __name__ == "__main__":
    unittest.main(verbosity=2)
