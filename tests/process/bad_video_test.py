"""Videos that are no good: the reason names the file, the number, the limit and what to do; each
frame is accounted for; and the node goes on with the next query."""
import json
import pathlib
import unittest

import video_files
from omma_process import ProcessTest, SOURCE, endings_of

FRAMES = 50
SCENE = f"synthetic:people?seed=5&frames={FRAMES}&width=160&height=96&fps=25&objects=3"
OTHER = "synthetic:people?seed=6&frames=10&width=128&height=64&fps=25&objects=2"


class BadVideo(ProcessTest):
    def setUp(self):
        super().setUp()
        self.up(self.cluster_file(self.one_node()))
        self.good = self.clip("good.mp4", SCENE)

    def clip(self, name, scene):
        self.succeed("clip", scene, self.folder / name)
        return (self.folder / name).read_bytes()

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def watch(self, path):
        """(frames shown, error of the end, captured, {why: frames})."""
        run = self.succeed("run", "people_count", "--camera", path, "--json")
        *rows, last = run.lines()
        self.assertTrue(last["ledger"]["laws_hold"], last)
        self.assertTrue(last["ledger"]["quiet"], last)
        end = rows[-1]
        self.assertEqual(end["kind"], "end", run)
        shown = len([row for row in rows if row["kind"] == "frame"])
        captured, ways = next((camera for key, camera in endings_of(last["ledger"]).items()
                               if key.endswith(path.name)), (0, []))
        reasons = {}
        for (_, why), frames in (ways[0] if ways else {}).items():
            reasons[why] = reasons.get(why, 0) + frames
        for way in ways:
            self.assertEqual(sum(way.values()), captured, way)
        return shown, end.get("error", ""), captured, reasons

    def log(self):
        return [json.loads(line) for line in
                pathlib.Path(self.home / "one/box/log.jsonl").read_text().splitlines()]

    def test_a_file_that_cannot_be_read_ends_its_query_with_what_is_wrong_and_what_to_do(self):
        video_files.write_sound(self.folder / "sound.wav")
        table = [
            (self.write("empty.mp4", b""), ["the file is empty (0 bytes)", "copy it again"]),
            (self.write("text.mp4", (SOURCE / "README.md").read_bytes()),
             ["corrupt", "copy it again"]),
            (self.write("header.mp4", self.good[:600]), ["corrupt", "copy it again"]),
            (self.folder / "sound.wav", ["none of its 1 tracks holds pictures",
                                         "give a file with a video track"]),
            (self.write("codec.mp4", video_files.with_unknown_codec(self.good)),
             ["no decoder for its coding", "zzzz", "transcode it to H.264"])]
        for path, says in table:
            with self.subTest(path=path.name):
                shown, error, captured, _ = self.watch(path)
                self.assertEqual((shown, captured), (0, 0), error)
                for text in [path.name, *says]:
                    self.assertIn(text, error)
        self.refuse(1, "run", "people_count", "--camera", "/none.mp4",
                    says=["no camera and no video file '/none.mp4'"])
        self.assert_lives()

    def test_a_picture_size_that_changes_ends_the_stream_and_no_frame_before_it_is_lost(self):
        joined = (video_files.byte_stream_of(self.good) +
                  video_files.byte_stream_of(self.clip("other.mp4", OTHER)))
        shown, error, captured, reasons = self.watch(self.write("joined.264", joined))
        self.assertEqual((shown, captured), (FRAMES, FRAMES))
        self.assertEqual(reasons, {"done": FRAMES})
        for text in ["joined.264", "from 160x96 to 128x64 at frame 50", "split the video there"]:
            self.assertIn(text, error)
        self.assert_lives()

    def test_corrupt_frames_are_skipped_counted_and_told_of_and_the_stream_goes_on(self):
        cut = video_files.units_of(self.good)[30][0] + 3
        table = [("damaged.mp4", video_files.with_damaged_units(self.good, 25, 2),
                  ["damaged.mp4", "frame", "skipped"]),
                 ("cut.mp4", self.good[:cut],
                  ["cut.mp4", "truncated, the container promises 50 frames", "frames lost"])]
        for name, data, says in table:
            with self.subTest(name=name):
                shown, _, captured, reasons = self.watch(self.write(name, data))
                self.assertEqual(captured, FRAMES)
                self.assertGreaterEqual(reasons["failed: corrupt"], 2)
                self.assertEqual(reasons, {"failed: corrupt": FRAMES - shown,
                                           "done": shown})
                told = [line["fields"]["why"] for line in self.log()
                        if line["msg"] == "frames skipped" and name in line["fields"]["why"]]
                self.assertTrue(told, "nothing in the log")
                for text in says:
                    self.assertIn(text, " ".join(told))
        self.assert_lives()


if __name__ == "__main__":
    unittest.main(verbosity=2)
