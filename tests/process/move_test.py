"""Actors that move between real processes, and the loss of a node."""
import json
import os
import signal
import subprocess
import time
import unittest

import omma_process
from omma_process import SOURCE

CLUSTER = """\
cluster: three
head: hub
linger: 200ms
lease: 1s
models: ["{models}"]
nodes:
  - name: hub
    listen: unix:${{run_dir}}/hub.sock
    roles: [head]
    data: ${{run_dir}}/hub
  - name: left
    listen: unix:${{run_dir}}/left.sock
    roles: [camera, cloud]
    data: ${{run_dir}}/left
  - name: right
    listen: unix:${{run_dir}}/right.sock
    roles: [cloud]
    data: ${{run_dir}}/right
    actors_max: 8
"""


class Moves(omma_process.ProcessTest):
    def setUp(self):
        super().setUp()
        self.up(self.cluster_file(CLUSTER.format(models=SOURCE / "models")))
        self.succeed("run", "hello", "--session", "talk", "--detach")
        self.greeter = self.wait_for(self.find_greeter, "a greeter")

    def wait_for(self, look, what, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            time.sleep(0.1)
        self.fail(f"no {what} within {seconds} s: {self.omma('ps').out}")

    def nodes(self):
        return json.loads(self.succeed("ps", "--json").out)

    def find_greeter(self):
        """(id, node) of the only greeter; it lives as long as its session."""
        for node in self.nodes():
            for actor in node.get("actors", []):
                if actor["type"] == "greeter":
                    return actor["id"], node["node"]
        return None

    def other(self, node):
        return "right" if node == "left" else "left"

    def test_move_there_and_back(self):
        actor, home = self.greeter
        for target in (self.other(home), home):
            move = json.loads(self.succeed("move", actor[:8], target, "--json").out)
            self.assertEqual((move["outcome"], move["to"]), ("moved", target), move)
            self.assertLess(move["pause_ms"], 1000, move)
            self.assertEqual(self.find_greeter()[1], target)
        moves = json.loads(self.succeed("moves", "--json").out)
        self.assertEqual([move["to"] for move in moves[:2]], [home, self.other(home)])
        self.assertIn("asked for with omma move", self.succeed("moves").out)

    def test_rows_keep_their_names_when_their_session_moves(self):
        rows = self.wait_for(lambda: self.rows("--now"), "first row")
        move = json.loads(self.succeed("move", "query_session/talk", "left", "--json").out)
        self.assertEqual(move["outcome"], "moved", move)
        rows += self.rows()
        self.assertEqual([row["cursor"] for row in rows], [1, 2, 3, 4])
        self.assertEqual(len({(row["session"], row["life"]) for row in rows}), 1, rows)

    def rows(self, *options):
        return self.succeed("query", "talk", "--json", *options).lines()

    def test_what_cannot_be_is_refused_with_why(self):
        actor, home = self.greeter
        name = actor[:8]
        self.refuse(1, "move", name, "lfet", says="did you mean 'left'")
        self.refuse(1, "move", name, home, says="lives on node")
        self.refuse(1, "move", "nobody-of-that-name", "left", says="no actor")
        self.refuse(1, "move", "gateway/hub", "left", says="stays on node 'hub'")
        self.succeed("pin", name)
        self.refuse(1, "move", name, self.other(home), says="is pinned")
        self.assertIn("pinned", self.succeed("ps").out)
        self.succeed("pin", name, "--off")
        self.succeed("cordon", self.other(home))
        self.refuse(1, "move", name, self.other(home), says="is cordoned")
        self.assertIn("cordoned", self.succeed("nodes").out)
        self.succeed("cordon", self.other(home), "--off")
        self.succeed("move", name, self.other(home))

    def test_drain(self):
        _, home = self.greeter
        drained = json.loads(self.succeed("drain", home, "--json").out)
        self.assertIn("greeter", [move["type"] for move in drained["moved"]], drained)
        self.assertEqual({kept["type"] for kept in drained["kept"]}, {"gateway"}, drained)
        self.assertNotEqual(self.find_greeter()[1], home)
        states = {node["node"]: node["state"] for node in
                  json.loads(self.succeed("nodes", "--json").out)}
        self.assertEqual(states[home], "cordoned", states)

    def kill(self, node):
        pid = next(pid for pid, name in self.processes.items() if name == node)
        os.kill(pid, signal.SIGKILL)
        del self.processes[pid]

    def test_a_drain_tries_again_what_came_to_nothing(self):
        actor, home = self.greeter
        if home != "left":
            self.succeed("move", actor[:8], "left")
        self.kill("right")
        drain = self.start("drain", "left", "--json", stdout=subprocess.PIPE)
        folder = self.succeed("where").out.strip()
        right = self.start("node", "right", "--file", self.folder / "cluster.yaml", "--set",
                           f"run_dir={folder}", stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (right.kill(), right.wait(10)))
        drained = json.loads(drain.communicate(timeout=40)[0])
        self.assertEqual([move["to"] for move in drained["moved"] if move["type"] == "greeter"],
                         ["right"], drained)
        self.assertEqual(drain.returncode, 0, drained)
        self.assertEqual(self.find_greeter(), (actor, "right"))

    def test_a_drain_says_what_it_tried_in_vain(self):
        actor, home = self.greeter
        if home != "left":
            self.succeed("move", actor[:8], "left")
        self.kill("right")
        drained = json.loads(self.refuse(1, "drain", "left", "--json").out)
        kept = {one["type"]: one for one in drained["kept"]}
        self.assertTrue(kept["greeter"]["tried"], drained)
        self.assertIn("to node 'right': ", kept["greeter"]["why"])
        self.assertIn("tried", kept["greeter"]["why"])
        self.assertFalse(kept["gateway"]["tried"], drained)
        self.assertEqual(self.find_greeter(), (actor, "left"))

    def test_a_killed_node_loses_its_actors_to_another(self):
        actor, home = self.greeter
        begin = time.monotonic()
        self.kill(home)
        found = self.wait_for(lambda: self.find_greeter(), "revived greeter")
        took = time.monotonic() - begin
        self.assertEqual(found, (actor, self.other(home)))
        self.assertLess(took, 4, "lease 1 s")
        moves = json.loads(self.succeed("moves", "--json").out)
        self.assertEqual(moves[0]["outcome"], "failed over", moves)
        self.assertIn(f"node '{home}' is dead", moves[0]["reason"])
        # It was heard of before it was killed, and found some time before it was looked for.
        self.assertTrue(700 < moves[0]["pause_ms"] < 1000 * took + 500, (moves[0], took))
        self.assertIn("failed over  away ", self.succeed("moves").out)
        self.assertIn("is dead", self.succeed("ps").out)
        self.assertIn("goodbye", self.succeed("query", "talk", "--now", "--json").out)

    def test_a_node_that_stood_still_begins_anew(self):
        actor, home = self.greeter
        pid = next(pid for pid, node in self.processes.items() if node == home)
        os.kill(pid, signal.SIGSTOP)
        try:
            self.wait_for(lambda: (self.find_greeter() or (0, home))[1] != home, "revived greeter")
        finally:
            os.kill(pid, signal.SIGCONT)

        def is_back():
            for node in json.loads(self.succeed("nodes", "--json").out):
                if node["node"] == home:
                    return node["state"] == "alive" and node["epoch"] == 2
            return False

        self.wait_for(is_back, "second life of the node")
        self.assertEqual(self.find_greeter(), (actor, self.other(home)))
        self.succeed("move", actor[:8], home)

    def test_actors_work_on_while_the_head_is_gone(self):
        actor, _ = self.greeter
        self.kill("hub")
        time.sleep(3)  # Three leases.
        folder = self.succeed("where").out.strip()
        head = self.start("node", "hub", "--file", self.folder / "cluster.yaml", "--set",
                          f"run_dir={folder}")
        self.addCleanup(lambda: (head.kill(), head.wait(10)))
        self.wait_for(lambda: self.omma("ps", "--json").code == 0, "head")
        logs = "".join(log.read_text() for log in self.home.glob("*/*.log"))
        self.assertNotIn("declared dead", logs)
        self.assertEqual(self.find_greeter()[0], actor)


if __name__ == "__main__":
    unittest.main()
