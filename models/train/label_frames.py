"""Label the training videos with two teacher detectors.

Each frame is shown to the teachers several times: whole, mirrored and, for the
512-pixel teacher, as four overlapping enlarged parts. The boxes of all views are merged
by weighted box fusion, then linked over time: boxes of one object are smoothed along its track
and short gaps inside a track are filled. A label of low confidence stays as "doubtful", which
the training ignores rather than learns.

Two steps, so that the quick second one can be repeated:

    label_frames.py views  --videos DIR --teachers DIR --work DIR
    label_frames.py fuse   --work DIR

Boxes are [N, 4] float arrays x1, y1, x2, y2 in fractions of the frame (0..1).
Classes are 0 person, 1 vehicle.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from box_math import suppress
from fuse_over_time import labels_of
from video_frames import SOURCES, read_frames

TEACHERS = ("person-vehicle-bike-detection-2002",
            "person-vehicle-bike-detection-crossroad-0078")
# Parts are (left, top, width, height) in fractions of the frame.
WHOLE = (0.0, 0.0, 1.0, 1.0)
PARTS = [(x, y, 0.6, 0.6) for y in (0.0, 0.4) for x in (0.0, 0.4)]
SCORE_MIN = 0.1  # lower teacher scores are dropped at once
DOUBTFUL_MIN, POSITIVE_MIN = 0.12, 0.3  # confidence of a fused label


class Teacher:
    """One teacher network and the class order that its card states."""

    def __init__(self, folder, name):
        card = json.loads((Path(folder) / f"{name}.json").read_text())
        self.side = card["input"]["shape"][2]
        self.class_columns = [card["classes"].index(c) for c in ("person", "vehicle")]
        module = torch.jit.load(str(Path(folder) / card["file"])).eval()
        self.module = torch.jit.optimize_for_inference(torch.jit.freeze(module))

    def detect(self, frame, part, mirrored):
        """Boxes of one view of `frame` (uint8 [H, W, 3] BGR).

        Returns [N, 6]: x1, y1, x2, y2 in fractions of the whole frame, score, class.
        Boxes cut by an inner edge of the part are left out.
        """
        height, width = frame.shape[:2]
        left, top, part_w, part_h = part
        x0, y0 = round(left * width), round(top * height)
        view = frame[y0:y0 + round(part_h * height), x0:x0 + round(part_w * width)]
        if mirrored:
            view = view[:, ::-1]
        image = cv2.resize(view, (self.side, self.side)).transpose(2, 0, 1)[None]
        with torch.no_grad():
            pixels = np.ascontiguousarray(image, dtype=np.float32)
            boxes, scores = self.module(torch.from_numpy(pixels))
        boxes, scores = boxes[0].numpy(), scores[0].numpy()
        found = []
        for cls, column in enumerate(self.class_columns):
            likely = scores[:, column] > SCORE_MIN
            b, s = suppress(boxes[likely], scores[likely, column], 0.5)
            found.append(np.column_stack([b, s, np.full(len(s), cls)]))
        found = np.concatenate(found).astype(np.float32)
        if mirrored:
            found[:, [0, 2]] = 1 - found[:, [2, 0]]
        edge = 0.015
        inside = np.ones(len(found), bool)
        for low, high, start, size in ((0, 2, left, part_w), (1, 3, top, part_h)):
            if start > 0:
                inside &= found[:, low] > edge
            if start + size < 1:
                inside &= found[:, high] < 1 - edge
        found = found[inside]
        found[:, [0, 2]] = left + found[:, [0, 2]] * part_w
        found[:, [1, 3]] = top + found[:, [1, 3]] * part_h
        return found


def label_views(videos, teachers, work):
    """Run all views of all frames and store them as WORK/views_<source>.npy.

    The file holds a dict: frame number (from 1) -> list of [N, 6] arrays, one per view.
    """
    loaded = [Teacher(teachers, name) for name in TEACHERS]
    views = [(loaded[0], WHOLE, False), (loaded[0], WHOLE, True),
             (loaded[1], WHOLE, False), (loaded[1], WHOLE, True)]
    parts = [(loaded[0], part, False) for part in PARTS]
    for source in SOURCES:
        result = {}
        for number, frame in read_frames(videos, source):
            result[number] = [teacher.detect(frame, part, mirrored)
                              for teacher, part, mirrored in views + parts]
        np.save(Path(work) / f"views_{source.name}.npy", result, allow_pickle=True)
        print(f"{source.name}: {len(result)} frames", flush=True)


def fuse_labels(work):
    """Turn the stored views into WORK/labels.npy: dict (source name, frame) -> [N, 6]."""
    labels = {}
    for source in SOURCES:
        views = np.load(Path(work) / f"views_{source.name}.npy", allow_pickle=True).item()
        of_video = labels_of(views)
        labels.update({(source.name, number): rows for number, rows in of_video.items()})
        rows = np.concatenate(list(of_video.values()))
        for cls, name in enumerate(("person", "vehicle")):
            confidence = rows[rows[:, 5] == cls, 4]
            print(f"{source.name}: {name} boxes {(confidence >= POSITIVE_MIN).sum()}, doubtful "
                  f"{((confidence >= DOUBTFUL_MIN) & (confidence < POSITIVE_MIN)).sum()}")
    np.save(Path(work) / "labels.npy", labels, allow_pickle=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("views", "fuse"))
    parser.add_argument("--videos", help="folder with the training videos")
    parser.add_argument("--teachers", help="folder with the teachers and their cards")
    parser.add_argument("--work", required=True, help="folder for intermediate files")
    arguments = parser.parse_args()
    Path(arguments.work).mkdir(parents=True, exist_ok=True)
    if arguments.step == "views":
        label_views(arguments.videos, arguments.teachers, arguments.work)
    else:
        fuse_labels(arguments.work)


if __name__ == "__main__":
    main()
