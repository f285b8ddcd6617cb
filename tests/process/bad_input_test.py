"""Whatever people get wrong: the exit code says whose fault it was, the message names the thing and
the remedy, and a running cluster lives on."""
import json
import socket
import unittest

from omma_process import ProcessTest, SOURCE

FAILED, USAGE, NO_CLUSTER = 1, 2, 3
SCENE = "synthetic:people?seed=3&frames=40&width=320&height=240&fps=25&objects=2"


class BadRequests(ProcessTest):
    """One cluster for all; after each group of mistakes it still works."""

    def setUp(self):
        super().setUp()
        self.up(self.cluster_file(self.one_node(more=f"""
cameras:
  - name: east
    node: box
    source: "{SCENE}"
""")))

    def test_what_is_unknown_is_named_with_the_nearest_name(self):
        count = ["run", "people_count"]
        for words, says in [
                (["run", "helo"], ["no app 'helo'", "'hello'"]),
                ([*count, "--camera", "eest"], ["'eest'", "did you mean 'east'"]),
                ([*count, "--camera", "/none.mp4"], ["no video file '/none.mp4'"]),
                ([*count, "--camera", "east", "--lime", "a=1,2:3,4"], ["--lime", "'line'"]),
                ([*count, "--camera", "east", "--model", "nosuch"], ["'nosuch'"]),
                (count, ["needs --camera"]),
                (["query", "nosuch"], ["no session 'nosuch'", "omma run"]),
                (["stop", "nosuch"], ["no session 'nosuch'"])]:
            with self.subTest(words=words):
                self.refuse(FAILED, *words, says=says)
        self.refuse(NO_CLUSTER, "ps", "--cluster", "onne", says=["'onne'", "'one'"])
        error = json.loads(self.refuse(FAILED, "run", "helo", "--json").out)["error"]
        self.assertEqual(error["code"], "not_found")
        self.assert_lives()

    def test_a_value_that_makes_no_sense_is_refused_and_not_guessed_at(self):
        for parameter, value, says in [
                ("line", "door", "NAME=x,y:x,y"),
                ("line", "door=1,2:3", "2 points"),
                ("line", "door=a,b:c,d", "2 points"),
                ("line", "door=nan,1:2,3", "2 points"),
                ("line", "door=1,2:3,4:5,6", "2 points"),
                ("line", "door=1,1:1,1", "the same"),
                ("line", "weast/door=1,2:3,4", "did you mean 'east'"),
                ("zone", "queue=1,2:3,4", "3 points or more"),
                ("fps", "fast", "--fps takes a number"),
                ("fps", "-3", "from 0"),
                ("motion", "7", "from 0 to 1"),
                ("alert-over", "-1", "from 0")]:
            with self.subTest(parameter=parameter, value=value):
                self.refuse(FAILED, "run", "people_count", "--camera", "east",
                            f"--{parameter}={value}", says=[value.split("=")[-1], says])
        self.refuse(FAILED, "run", "hello", "--greeting", "a", "--greeting", "b",
                    says="several times")
        self.assert_lives()

    def test_a_file_that_is_no_video_ends_the_query_with_the_reason(self):
        empty = self.folder / "empty.mp4"
        empty.touch()
        text = self.folder / "text.mp4"
        text.write_bytes((SOURCE / "README.md").read_bytes())
        for path in [empty, text]:
            with self.subTest(path=path.name):
                outcome = self.succeed("run", "people_count", "--camera", path, "--json")
                end = outcome.lines()[-2]
                self.assertEqual((end["kind"], end["frame"]), ("end", 0), outcome)
                self.assertIn(path.name, end["error"], outcome)
        self.assert_lives()

    def test_a_session_that_was_stopped_is_gone_and_its_name_is_free(self):
        self.succeed("run", "hello", "--session", "once", "--detach")
        self.refuse(FAILED, "run", "hello", "--session", "once",
                    says=["'once' runs already", "omma query once", "omma stop once"])
        self.succeed("stop", "once")
        self.refuse(FAILED, "query", "once", says="no session 'once'")
        self.refuse(FAILED, "stop", "once", says="no session 'once'")
        self.succeed("run", "hello", "--session", "once")

    def test_a_second_start_of_a_running_cluster_is_refused(self):
        self.refuse(FAILED, "up", self.folder / "cluster.yaml",
                    says=["'one' runs already", "omma down --cluster one"])
        self.assert_lives()

    def test_a_file_that_is_not_of_rows_is_not_written_to(self):
        notes = self.folder / "notes.txt"
        notes.write_text("bread, milk\n")
        self.succeed("run", "hello", "--session", "kept", "--detach")
        self.refuse(FAILED, "query", "kept", "--out", notes, says=["bread, milk", "another file"])
        self.assertEqual(notes.read_text(), "bread, milk\n")

    def test_a_file_of_another_session_or_of_its_earlier_life_is_not_gone_on_with(self):
        rows = self.folder / "rows.jsonl"
        self.succeed("run", "hello", "--session", "first", "--out", rows)
        before = rows.read_text()
        self.assertEqual(len(before.splitlines()), 4)
        for session in ["second", "first"]:
            with self.subTest(session=session):
                self.succeed("run", "hello", "--session", session, "--detach")
                self.refuse(FAILED, "query", session, "--out", rows,
                            says=["up to cursor 4", "another file"])
                self.assertEqual(rows.read_text(), before)
                self.succeed("query", session, "--out", self.folder / f"{session}.jsonl")


class BadStarts(ProcessTest):
    def test_without_a_cluster_the_commands_say_how_to_start_one(self):
        for words in [["ps"], ["ledger"], ["models"], ["down"], ["run", "hello"], ["query", "x"],
                      ["stop", "x"]]:
            with self.subTest(words=words):
                self.refuse(NO_CLUSTER, *words, says=["no cluster runs", "omma up FILE"])

    def test_a_wrong_command_line_is_told_apart(self):
        for words in [[], ["frobnicate"], ["up"], ["ps", "--bogus"], ["query"],
                      ["up", "x.yaml", "--set", "novalue"], ["clip", "a", "b", "--window", "1,2"],
                      ["run", "hello", "stray"], ["run", "hello", "--greeting"]]:
            with self.subTest(words=words):
                self.refuse(USAGE, *words)
        self.succeed("--help")
        self.refuse(FAILED, "clip", "/none.avi", "out.mp4", says="/none.avi")

    def test_a_mistake_in_a_cluster_file_is_shown_with_its_line_and_column(self):
        good = self.one_node()
        for wrong, right, place, says in [
                ("linger: 200ms", "linger: 200", "3:9", "200"),
                ("linger: 200ms", "linger: 200 parsecs", "3:9", "parsecs"),
                ("head: box", "head: bax", "2:7", "did you mean 'box'"),
                ("    roles:", "    rolse: [head]\n    roles:", "8:5", "rolse"),
                ("roles: [head,", "roles: [haed,", "8:13", "'head'"),
                ("unix:${run_dir}", "unix:${rum_dir}", "7:13", "rum_dir"),
                ("data: ${run_dir}/box", "data: box", "9:11", "relative"),
                ("nodes:", "nodes: [", "", ""),
                ("    data: ${run_dir}/box", "    data: ${run_dir}/box\n  - name: box\n"
                 "    listen: unix:${run_dir}/b.sock\n    roles: [cloud]\n"
                 "    data: ${run_dir}/b", "10:11", "has already")]:
            with self.subTest(right=right):
                self.assertIn(wrong, good)
                file = self.cluster_file(good.replace(wrong, right, 1))
                self.refuse(USAGE, "up", file, says=[f"{file}:{place}", says])
        self.refuse(USAGE, "up", "/none.yaml", says="/none.yaml")
        self.assertEqual(self.alive(), [])

    def test_a_port_that_is_taken_is_named_and_nothing_stays_behind(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            file = self.cluster_file(self.one_node().replace(
                "unix:${run_dir}/box.sock", f"127.0.0.1:{port}"))
            self.refuse(FAILED, "up", file, says=["node box", str(port), "in use"])
        self.refuse(NO_CLUSTER, "ps", says="no cluster runs")
        self.up(file)
        self.assert_lives()


if __name__ == "__main__":
    unittest.main(verbosity=2)
