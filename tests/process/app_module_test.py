"""App modules: nodes load them from files, get them from peers by their hash, and refuse what they
cannot run."""
import hashlib
import os
import pathlib
import re
import shutil
import unittest

from omma_process import ProcessTest, rows_of

MODULE = pathlib.Path(os.environ["OMMA_MY_APP"])
MARK = b"omma app module: "
# Only `box` is given the module; `far` has the same role.
CLUSTER = """\
cluster: two
head: box
linger: 200ms
nodes:
  - name: box
    listen: unix:${{run_dir}}/box.sock
    roles: [head, camera, cloud]
    data: ${{run_dir}}/box
    apps: [{box}]
  - name: far
    listen: unix:${{run_dir}}/far.sock
    roles: [cloud]
    data: ${{run_dir}}/far
    apps: [{far}]
"""
OPEN_CLUSTER = """\
cluster: open
head: box
nodes:
  - name: box
    listen: 127.0.0.1:{port}
    roles: [head, camera, cloud]
    data: ${{run_dir}}/box
"""


def quoted(paths):
    return ", ".join(f'"{path}"' for path in paths)


class AppModule(ProcessTest):
    def two_nodes(self, box=(), far=()):
        return self.cluster_file(CLUSTER.format(box=quoted(box), far=quoted(far)))

    def cached(self, node):
        return sorted((self.home / "two" / node / "apps").glob("*/my_app.omma.so"))

    def beats(self, *words, count=5):
        rows = self.succeed("run", "my_app", "--beats", count, "--period-ms", 10, *words,
                            "--json").lines()[:-1]
        self.assertEqual([row["kind"] for row in rows], ["beat"] * count + ["end"], rows)
        self.assertEqual(rows[-1]["sum"], count * (count + 1) // 2, rows)

    def refuse_up(self, *modules, says):
        self.refuse(1, "up", self.two_nodes(box=modules), says=says)

    def damaged(self, name, change):
        path = self.folder / name
        path.write_bytes(change(MODULE.read_bytes()))
        return path

    # --- From files -------------------------------------------------------------------------------

    def test_a_node_loads_modules_from_files_and_folders_and_lists_their_apps(self):
        folder = self.folder / "modules"
        folder.mkdir()
        shutil.copy(MODULE, folder)
        (folder / "notes.txt").write_text("no module")
        self.up(self.two_nodes(box=[folder]))
        self.beats()
        self.assertIn("my_app: adds up", self.succeed("apps").out)
        self.refuse(1, "run", "my_apq", says="did you mean 'my_app'")

    def test_a_user_names_the_module_when_he_runs_the_app(self):
        self.up(self.two_nodes())
        self.refuse(1, "run", "my_app", says="no app 'my_app'")
        self.beats("--module", MODULE)
        self.beats()  # It stays.
        newer = self.damaged("newer.omma.so", lambda code: code + b"\0")
        self.refuse(1, "run", "my_app", "--module", newer, says=["brings the app 'my_app'",
                                                                 "restart the cluster"])
        self.assert_lives()

    def test_what_is_no_module_of_this_omma_is_refused(self):
        stamp = re.search(MARK + rb"([^\0]+)\0", MODULE.read_bytes()).group(1)
        other = stamp[:-4] + b"beef"
        missing = self.folder / "absent.omma.so"
        text = self.folder / "text.omma.so"
        text.write_text("hello")
        plain = self.damaged("plain.omma.so", lambda code: code.replace(MARK, b"x" * len(MARK)))
        wrong = self.damaged("wrong.omma.so", lambda code: code.replace(stamp, other))
        half = self.damaged("half.omma.so", lambda code: code[:code.index(MARK) + 100])
        double = self.damaged("double.omma.so", lambda code: code + b"\0")
        for modules, says in [
                ([missing], [str(missing), "No such file", "omma_add_app"]),
                ([text], ["text.omma.so is no app module", "no shared object"]),
                ([plain], ["plain.omma.so is no app module", "no build stamp"]),
                ([wrong], [f"built for omma {other.decode()}", f"this is omma {stamp.decode()}",
                           "build it again"]),
                ([half], ["half.omma.so is no app module", "cut short"]),
                ([MODULE, double], ["double.omma.so brings the app 'my_app'", "has already"])]:
            with self.subTest(modules=modules):
                self.refuse_up(*modules, says=says)

    # --- From peers -------------------------------------------------------------------------------

    def test_an_actor_moves_to_a_node_that_lacks_its_module_and_no_row_is_lost(self):
        self.up(self.two_nodes(box=[MODULE]))
        out = self.folder / "rows.jsonl"
        count = 150
        running = self.start("run", "my_app", "--beats", count, "--period-ms", 20, "--out", out)
        try:
            self.wait_for("the first rows", lambda: rows_of(out))
            if self.cached("far"):
                self.fail(f"far has it before anybody moved: {self.cached('far')}")
            self.succeed("move", "my_app/heart", "far")
            copy, = self.cached("far")
            self.assertEqual(copy.name, MODULE.name)
            digest = hashlib.sha256(MODULE.read_bytes()).hexdigest()
            self.assertEqual(copy.parent.name, digest)
            self.assertEqual(copy.read_bytes(), MODULE.read_bytes())
            self.assertEqual(running.wait(timeout=60), 0)
        finally:
            if running.poll() is None:
                running.kill()
                running.wait()
        rows = rows_of(out)
        self.assertEqual([row.get("number") for row in rows], [*range(1, count + 1), None])
        self.assertEqual(rows[-1]["sum"], count * (count + 1) // 2)

    def test_the_head_gets_an_app_that_another_node_was_given(self):
        self.up(self.two_nodes(far=[MODULE]))
        self.beats()
        self.assertEqual(len(self.cached("box")), 1)

    def test_a_damaged_copy_is_fetched_again(self):
        file = self.two_nodes(far=[MODULE])
        self.up(file)
        self.beats()
        copy, = self.cached("box")
        self.succeed("down")
        copy.write_bytes(b"rubbish")
        self.up(file)
        self.beats()
        copy, = self.cached("box")
        self.assertEqual(copy.read_bytes(), MODULE.read_bytes())

    def test_a_node_that_anybody_may_call_loads_nothing_for_a_client(self):
        self.up(self.cluster_file(OPEN_CLUSTER.format(port=47_911)))
        self.refuse(1, "run", "my_app", "--module", MODULE,
                    says=["anybody may call node box", "give the nodes tls"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
