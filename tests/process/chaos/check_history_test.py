"""The checker of histories, on histories made by hand: a good one passes, and for each invariant
one that breaks it is caught."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import check_history

X, Y = "aa" * 16, "bb" * 16
SECOND = 1_000_000_000


class Histories:
    """Lines of several nodes, by one clock that goes on a millisecond a line."""

    def __init__(self):
        self.t = SECOND
        self.lines = {}  # Node -> lines.
        self.incarnations = {}

    def line(self, node, kind, /, **fields):
        self.t += 1_000_000
        self.lines.setdefault(node, []).append({"t": self.t, "e": kind, **fields})
        return self

    def start(self, *nodes):
        for node in nodes:
            number = self.incarnations[node] = self.incarnations.get(node, 0) + 1
            self.line(node, "started", node=node, incarnation=f"{node}{number}")
        return self

    def wait(self, seconds):
        self.t += int(seconds * SECOND)
        return self

    def begun(self, node, epoch, how="anew", life=1, took=0, gave=0, actor=X):
        return self.line(node, "begun", id=actor, epoch=epoch, life=life, type="puppet", how=how,
                         **self.numbers(took, gave))

    def frozen(self, node, epoch, to, took=0, gave=0, life=1):
        return self.line(node, "frozen", id=X, epoch=epoch, life=life, to=to,
                         **self.numbers(took, gave))

    def thawed(self, node, epoch):
        return self.line(node, "thawed", id=X, epoch=epoch, life=1)

    def ended(self, node, epoch, how="moved"):
        return self.line(node, "ended", id=X, epoch=epoch, life=1, how=how)

    def checkpoint(self, node, epoch, number, took=0, gave=0, saved=True):
        self.line(node, "checkpoint", id=X, epoch=epoch, life=1, number=number, keeps_life=True,
                  **self.numbers(took, gave))
        if saved is not None:
            self.line(node, "kept", id=X, epoch=epoch, number=number, saved=saved)
        return self

    def sender_knows(self, node, acknowledged):
        """Y's checkpoint: so many of its messages to X are acknowledged."""
        return self.line(node, "checkpoint", id=Y, epoch=1, life=1, number=1, keeps_life=True,
                         **{"in": [], "out": [[X, 1, "stream", acknowledged, acknowledged + 3]]})

    @staticmethod
    def numbers(took, gave):
        return {"in": [[Y, 1, "stream", took]] if took else [],
                "out": [["cc" * 16, 1, "control", gave - 1, gave]] if gave else []}

    def write(self, folder):
        for node, lines in self.lines.items():
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (pathlib.Path(folder) / f"{node}.history").write_text(text)

    def violations(self, quiet=None, **options):
        with tempfile.TemporaryDirectory() as folder:
            self.write(folder)
            events = check_history.read_histories(folder)
        return check_history.Checker(events, quiet, **options).run()


def good_move():
    """X moves from s to t, back is called off, then a goes on after t is lost."""
    h = Histories().start("s", "t", "a")
    h.begun("s", 1).checkpoint("s", 1, 1, took=3, gave=2)
    h.line("t", "staged", id=X, epoch=1, life=1, **{"from": "s"})
    h.frozen("s", 1, "t", took=5, gave=4).begun("t", 2, "moved", took=5, gave=4).ended("s", 1)
    h.checkpoint("t", 2, 2, took=7, gave=6).sender_knows("a", 7)
    h.frozen("t", 2, "s", took=8, gave=6).thawed("t", 3)
    h.checkpoint("t", 3, 3, took=9, gave=7).checkpoint("t", 3, 4, took=10, gave=8, saved=None)
    h.start("t")  # It was killed.
    return h.begun("a", 4, "taken_over", took=10, gave=8)


class CheckHistoryTest(unittest.TestCase):
    def assert_caught(self, invariant, histories, quiet=None, **options):
        found = histories.violations(quiet, **options)
        self.assertIn(invariant, {violation.invariant for violation in found}, found)

    def test_a_good_history_has_no_violation(self):
        self.assertEqual(good_move().violations(), [])

    def test_a_fail_over_from_the_last_checkpoint_known_to_be_saved_is_good_too(self):
        h = Histories().start("s", "a").begun("s", 1).checkpoint("s", 1, 1, took=3)
        h.checkpoint("s", 1, 2, took=5, saved=None).start("s")
        self.assertEqual(h.begun("a", 2, "taken_over", took=3).violations(), [])

    def test_i1_a_move_that_forgets_what_was_processed(self):
        h = Histories().start("s", "t").begun("s", 1).frozen("s", 1, "t", took=5)
        self.assert_caught("I1", h.begun("t", 2, "moved", took=0).ended("s", 1))

    def test_i1_a_move_that_forgets_its_outbox(self):
        h = Histories().start("s", "t").begun("s", 1).frozen("s", 1, "t", gave=5)
        self.assert_caught("I1", h.begun("t", 2, "moved", gave=0).ended("s", 1))

    def test_i1_a_fail_over_from_an_old_checkpoint(self):
        h = Histories().start("s", "a").begun("s", 1)
        h.checkpoint("s", 1, 1, took=3).checkpoint("s", 1, 2, took=5).start("s")
        self.assert_caught("I1", h.begun("a", 2, "taken_over", took=3))

    def test_i1_a_number_that_goes_back_within_an_activation(self):
        h = Histories().start("s").begun("s", 1)
        self.assert_caught("I1", h.checkpoint("s", 1, 1, took=5).checkpoint("s", 1, 2, took=4))

    def test_i1_a_new_life_with_an_old_one_s_streams(self):
        self.assert_caught("I1", Histories().start("s").begun("s", 1, took=4))

    def test_i1_wrong_rows_seen_by_the_observer(self):
        h = Histories().start("s").begun("s", 1)
        self.assert_caught("I1", h, {"wrong_rows": ["chain a: 7 came twice"]})

    def test_i2_an_acknowledged_message_that_no_copy_has(self):
        h = Histories().start("s", "a").begun("s", 1).checkpoint("s", 1, 1, took=3)
        h.sender_knows("a", 4).start("s")
        self.assert_caught("I2", h.begun("a", 2, "taken_over", took=3))

    def test_a_sender_that_began_anew_has_no_acknowledgements_of_its_old_life(self):
        h = Histories().start("s", "t", "a").begun("s", 1).sender_knows("a", 4)
        h.begun("a", 5, "taken_over", life=5, actor=Y).frozen("s", 1, "t")
        self.assertEqual(h.begun("t", 2, "moved").ended("s", 1).violations(), [])

    def test_i3_two_nodes_win_the_same_epoch(self):
        h = Histories().start("s", "t", "a").begun("s", 1).frozen("s", 1, "t")
        h.begun("t", 2, "moved")
        self.assert_caught("I3", h.begun("a", 2, "taken_over").ended("s", 1))

    def test_i3_a_source_that_goes_on_without_the_compare_and_set(self):
        h = Histories().start("s", "t").begun("s", 1).frozen("s", 1, "t").thawed("s", 1)
        self.assert_caught("I3", h.begun("t", 2, "moved"))

    def test_i3_a_target_that_nobody_sent(self):
        h = Histories().start("s", "t").begun("s", 1)
        self.assert_caught("I3", h.begun("t", 2, "moved"))

    def test_i3_a_checkpoint_that_the_fence_let_through(self):
        h = Histories().start("s", "a").begun("s", 1).begun("a", 2, "taken_over")
        self.assert_caught("I3", h.checkpoint("s", 1, 1, took=1))

    def test_i5_a_stream_that_never_ends(self):
        h = Histories().start("s").begun("s", 1)
        self.assert_caught("I5", h, {"not_drained": ["chain a: 90 of 100 after 60 s"]})

    def test_i6_a_freeze_that_nobody_resolved(self):
        h = Histories().start("s", "t").begun("s", 1).frozen("s", 1, "t")
        self.assert_caught("I6", h)

    def test_i6_a_freeze_whose_node_was_killed_is_resolved(self):
        h = Histories().start("s", "t").begun("s", 1).frozen("s", 1, "t").start("s")
        self.assertEqual(h.violations(), [])

    def test_i7_a_freeze_that_lasted_too_long(self):
        h = Histories().start("s", "t").begun("s", 1).frozen("s", 1, "t").wait(70).thawed("s", 2)
        self.assert_caught("I7", h)
        away = {"head": "h", "away": [{"node": "h", "from": 0, "to": 99 * SECOND}]}
        self.assertEqual(h.violations(away), [])

    def test_i7_a_staging_that_never_expires(self):
        h = Histories().start("s", "t").begun("s", 1)
        self.assert_caught("I7", h.line("t", "staged", id=X, epoch=1, life=1, **{"from": "s"}))

    def test_i8_a_directory_that_names_another_host(self):
        row = {"id": X, "node": "s", "epoch": 1, "life": 1}
        h = Histories().start("s").begun("s", 1)
        self.assertEqual(h.violations({"directory": [row], "hosts": [row]}), [])
        self.assert_caught("I8", h, {"directory": [dict(row, node="t")], "hosts": [row]})
        self.assert_caught("I8", h, {"directory": [row], "hosts": []})
        self.assert_caught("I3", h, {"directory": [row], "hosts": [row, dict(row, node="t")]})

    def test_i9_and_i10_the_ledger(self):
        h = Histories().start("s").begun("s", 1)
        law = {"what": "a -> b", "numbers": "sent 5, received 4"}
        self.assert_caught("I9", h, {"broken_laws": [dict(law, law="edge")]})
        self.assert_caught("I10", h, {"broken_laws": [dict(law, law="stage")]})

    def test_half_a_line_of_a_killed_node_is_passed_over(self):
        h = good_move()
        with tempfile.TemporaryDirectory() as folder:
            h.write(folder)
            file = pathlib.Path(folder) / "t.history"
            lines = file.read_text().splitlines(keepends=True)
            at = next(i for i, line in enumerate(lines) if i > 0 and '"started"' in line)
            lines.insert(at, '{"t":1,"e":"frozen","id":"a')  # No end of line.
            file.write_text("".join(lines))
            self.assertEqual(
                check_history.Checker(check_history.read_histories(folder)).run(), [])

    def test_the_program_s_exit_code_says_what_it_found(self):
        program = pathlib.Path(check_history.__file__)

        def code_of(histories):
            with tempfile.TemporaryDirectory() as folder:
                histories.write(folder)
                return subprocess.run([sys.executable, "-B", program, folder],
                                      capture_output=True).returncode

        self.assertEqual(code_of(good_move()), 0)
        bad = Histories().start("s", "t").begun("s", 1).begun("t", 2, "moved")
        self.assertEqual(code_of(bad), 1)
        self.assertEqual(code_of(Histories()), 2)


if __name__ == "__main__":
    unittest.main()
