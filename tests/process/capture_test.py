"""Cameras that are live, and cameras whose video breaks off: each frame is accounted for, and
nothing hangs."""
import json
import unittest

from omma_process import ProcessTest, STREET_VIDEO, endings_of

FRAMES = 100
SCENE = f"synthetic:people?seed=7&frames={FRAMES}&width=320&height=240&fps=25&objects=3"


class Capture(ProcessTest):
    def test_a_live_camera_stays_recent_and_each_frame_arrives_or_is_counted_as_lost(self):
        self.up(self.cluster_file(self.one_node(more=f"""
cameras:
  - name: gate
    node: box
    source: "{SCENE}"
    mode: live
    pace: by_timestamps
""")))
        *rows, last = self.succeed("run", "people_count", "--camera", "gate", "--json").lines()
        self.assertTrue(last["ledger"]["laws_hold"], last)
        self.assertTrue(last["ledger"]["quiet"], last)
        captured, ways = endings_of(last["ledger"])["gate"]
        self.assertEqual(captured, FRAMES)
        for way in ways:
            self.assertEqual(sum(way.values()), FRAMES, way)
        shown = [row["frame"] for row in rows if row["kind"] == "frame"]
        counted = sum(frames for (_, why), frames in ways[0].items() if why == "done")
        self.assertEqual(len(shown), counted)
        self.assertGreater(counted, 0)
        self.assertEqual(shown, sorted(set(shown)))
        # Far more than it takes, far less than what would pile up if the newest did not win.
        self.assertLess(last["summary"]["latency_ms"]["total"]["wire_p50"], 2000, last)
        self.assertEqual(self.omma("ledger").code, 0)

    def test_a_video_that_breaks_off_ends_with_a_reason_or_with_its_frames_counted_as_corrupt(self):
        if not STREET_VIDEO.exists():
            self.skipTest(f"{STREET_VIDEO} is absent; Debian's package opencv-doc has it")
        self.up(self.cluster_file(self.one_node()))
        frames = 40
        whole = self.folder / "whole.mp4"
        self.succeed("clip", STREET_VIDEO, whole, "--window", "0,144,576,432", "--frames", frames)
        data = whole.read_bytes()
        raw = STREET_VIDEO.read_bytes()
        for name, part in [("half.mp4", data[:len(data) // 2]), ("start.avi", raw[:200_000]),
                           ("hole.mp4", data[:9000] + bytes(4000) + data[13000:])]:
            with self.subTest(name=name):
                path = self.folder / name
                path.write_bytes(part)
                run = self.succeed("run", "people_count", "--camera", path, "--json")
                *rows, last = run.lines()
                self.assertTrue(last["ledger"]["laws_hold"], last)
                end = rows[-1]
                self.assertEqual(end["kind"], "end")
                good = len([row for row in rows if row["kind"] == "frame"])
                captured, ways = next((camera for key, camera in endings_of(last["ledger"]).items()
                                       if key.endswith(name)), (0, []))
                for way in ways:
                    self.assertEqual(sum(way.values()), captured, way)
                self.assertTrue(end.get("error") or captured > 0, last)
                self.assertLessEqual(good, captured)


if __name__ == "__main__":
    unittest.main(verbosity=2)
