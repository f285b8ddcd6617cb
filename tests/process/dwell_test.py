"""dwell on the demo's three nodes: stays in real video, and a picture of where people stood."""
import pathlib
import struct
import unittest
import zlib

from omma_process import CLIP_FRAMES, ProcessTest, rows_of

PICTURE = (576, 432)  # Of the clips.
PAVEMENT = "pavement=100,100:576,100:576,432:100,432"


def read_png(path):
    """Width, height, and the bytes of the rows; an 8-bit RGB file, as omma writes."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
            assert (depth, colour) == (8, 2), (depth, colour)
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += length + 12
    return width, height, zlib.decompress(packed)


class Dwell(ProcessTest):
    def setUp(self):
        super().setUp()
        self.up_demo()

    def test_it_tells_who_stays_how_long_and_draws_where(self):
        out = self.folder / "rows.jsonl"
        picture = self.folder / "heat" / "people.png"
        outcome = self.succeed("run", "dwell", "--camera", "east", "--camera", "west", "--zone",
                               PAVEMENT, "--heat-map", picture, "--out", out, "--json", "--quiet")
        self.assertTrue(outcome.lines()[-1]["ledger"]["laws_hold"], outcome)
        for camera in ("east", "west"):
            rows = [row for row in rows_of(out) if row.get("camera") == camera]
            stays = [row for row in rows if row["kind"] == "stay"]
            self.assertGreater(len(stays), 0, rows)
            end = rows[-1]
            self.assertEqual(end["kind"], "end", rows)
            self.assertEqual(end["pavement stays"], len(stays), rows)
            self.assertAlmostEqual(end["pavement longest"], max(row["seconds"] for row in stays))
            mean = sum(row["seconds"] for row in stays) / len(stays)
            self.assertAlmostEqual(end["pavement mean"], mean, places=6)
            clip_seconds = CLIP_FRAMES / 10  # The street video has 10 frames a second.
            self.assertTrue(all(0 <= row["seconds"] < clip_seconds for row in stays), stays)

            file = picture.with_name(f"people-{camera}.png")
            self.assertIn(("heat_map", str(file)),
                          [(row["kind"], row.get("path")) for row in rows])
            width, height, pixels = read_png(file)
            self.assertEqual(width, PICTURE[0])
            self.assertGreater(height, PICTURE[1], "the legend is below")
            self.assertLess(height, PICTURE[1] * 1.3)
            self.assertGreater(len(set(pixels)), 100, "it is no blank page")

    def test_a_wrong_heat_map_file_is_refused_with_the_remedy(self):
        for file in ("heat.png", "/tmp/heat.jpg"):
            self.refuse(1, "run", "dwell", "--camera", "east", "--heat-map", file,
                        says=[file, "./heat.png"])
        self.refuse(1, "run", "dwell", "--camera", "east", "--gone-after", "0",
                    says="from 0.1 to 3600")


if __name__ == "__main__":
    unittest.main(verbosity=2)
