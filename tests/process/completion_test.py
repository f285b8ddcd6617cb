"""The Tab key: bash runs the script that omma prints, and offers what omma and its cluster have."""
import json
import os
import re
import subprocess
import time
import unittest

from omma_process import BINARY, HELLO_CLUSTER, SOURCE, ProcessTest

COMPLETE = """\
source "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_omma
printf '%s\\n' "${COMPREPLY[@]}"
"""
CAMERAS = """\
cameras:
  - name: east
    node: box
    source: synthetic:people=2
  - name: west
    node: box
    source: synthetic:people=2
"""


class CompletionTest(ProcessTest):
    def setUp(self):
        super().setUp()
        self.script = self.folder / "omma.bash"
        self.script.write_text(self.succeed("completion", "bash").out)

    def offered(self, *words):
        """With the cursor at the end of the last word."""
        done = subprocess.run(["bash", "--norc", "-c", COMPLETE, "bash", self.script, BINARY,
                               *words], env=self.environment, cwd=self.folder, text=True,
                              capture_output=True, timeout=30, check=True)
        self.assertEqual(done.stderr, "", words)
        return set(done.stdout.split())

    def commands(self):
        """As omma --help lists them."""
        help_text = self.succeed("--help").out
        return set(re.findall(r"^  (\w+) ", help_text.split("Subcommands:")[1]
                              .split("Examples:")[0], re.MULTILINE))

    def test_the_commands_and_their_options_are_those_of_the_command_line(self):
        commands = self.commands()
        self.assertIn("doctor", commands)
        self.assertNotIn("values", commands)
        self.assertEqual(self.offered(""), commands)
        for command in sorted(commands):
            with self.subTest(command=command):
                shown = self.succeed(command, "--help").out.split("Examples:")[0]
                options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(
                    line.strip().split("  ")[0] for line in shown.splitlines())))
                self.assertEqual(self.offered(command, "-"), options)

    def test_a_line_that_is_begun_is_completed(self):
        for words, offered in [(["dr"], {"drain"}),
                               (["mo"], {"move", "moves", "models"}),
                               (["ledger", "--d"], {"--details"}),
                               (["ps", "--json", "--c"], {"--cluster"}),
                               (["completion", ""], {"bash", "zsh", "fish"}),
                               (["run", "he"], {"hello"}),
                               (["run", "people_count", "--al"], {"--alert-over"}),
                               (["up", "--set", ""], set())]:
            with self.subTest(words=words):
                self.assertEqual(self.offered(*words), offered)

    def test_what_a_running_cluster_has_is_offered(self):
        self.up(self.cluster_file(self.one_node(more=CAMERAS)))
        self.up(self.cluster_file(HELLO_CLUSTER.format(name="two", models=SOURCE / "models"),
                                  "two.yaml"))
        one = ["--cluster", "one"]
        self.succeed("run", "hello", "--session", "monday", "--detach", *one)
        self.wait_for("monday's actors", lambda: "monday" in self.offered("stop", *one, ""))
        for words, offered in [(["ps", "--cluster", ""], {"one", "two"}),
                               (["ps", "--cluster", "=", "t"], {"two"}),
                               (["drain", *one, ""], {"box"}),
                               (["move", *one, "x", "b"], {"box"}),
                               (["trace", *one, "e"], {"east/"}),
                               (["query", *one, "m"], {"monday"}),
                               (["run", "people_count", *one, "--camera", ""], {"east", "west"}),
                               (["pin", *one, "query"], {"query_session/monday"})]:
            with self.subTest(words=words):
                self.assertEqual(self.offered(*words), offered)

    def test_a_cluster_that_does_not_answer_keeps_nobody_waiting(self):
        running = self.up(self.cluster_file(self.one_node()))
        process = running["processes"]["box"]
        os.kill(process, 19)
        try:
            begin = time.monotonic()
            self.assertEqual(self.offered("pin", ""), set())
            waited = time.monotonic() - begin
        finally:
            os.kill(process, 18)
        begin = time.monotonic()
        self.succeed("values", "NODE")
        started = time.monotonic() - begin
        # 300 ms, and what starting omma and bash takes on a busy machine.
        self.assertLess(waited, 0.3 + 3 * started + 1)
        self.assertEqual(json.loads(self.succeed("nodes", "--json").out)[0]["node"], "box")

    def test_the_scripts_are_valid_where_their_shells_are_installed(self):
        for shell, check in [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]),
                             ("fish", ["fish", "--no-execute"])]:
            with self.subTest(shell=shell):
                script = self.folder / f"omma.{shell}"
                script.write_text(self.succeed("completion", shell).out)
                try:
                    subprocess.run([*check, script], check=True, timeout=30)
                except FileNotFoundError:
                    print(f"SKIPPED: {shell} is not installed")


if __name__ == "__main__":
    unittest.main()
