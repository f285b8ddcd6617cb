"""Boxes by frame from a MOT csv file, and how much boxes overlap."""

import csv

import numpy


class Boxes:
    """frame(f) -> (ids, boxes [n, 4] as x1, y1, x2, y2, scores), in the file's order."""

    def __init__(self, by_frame):
        self._by_frame = by_frame

    @property
    def first_frame(self):
        return min(self._by_frame)

    @property
    def last_frame(self):
        return max(self._by_frame)

    def frame(self, number):
        rows = self._by_frame.get(number, [])
        boxes = numpy.array([row[1] for row in rows], dtype=float).reshape(-1, 4)
        return [row[0] for row in rows], boxes, numpy.array([row[2] for row in rows], dtype=float)


def read_mot_csv(path):
    by_frame = {}
    with open(path, newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.reader(lines), start=1):
            if not row or row[0].startswith("#") or (number == 1 and row[0] == "frame"):
                continue
            if len(row) < 7:
                raise ValueError(f"{path}:{number}: {len(row)} columns, at least 7 wanted: "
                                 "frame,id,x,y,width,height,score")
            frame, identity = int(float(row[0])), int(float(row[1]))
            x, y, width, height, confidence = map(float, row[2:7])
            box = (x, y, x + width, y + height)
            by_frame.setdefault(frame, []).append((identity, box, confidence))
    return Boxes(by_frame)


def overlaps(a, b):
    """Intersection over union, [len(a), len(b)]."""
    if len(a) == 0 or len(b) == 0:
        return numpy.zeros((len(a), len(b)))
    low = numpy.maximum(a[:, None, :2], b[None, :, :2])
    high = numpy.minimum(a[:, None, 2:], b[None, :, 2:])
    common = numpy.prod(numpy.clip(high - low, 0, None), axis=2)
    area_a = numpy.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = numpy.prod(b[:, 2:] - b[:, :2], axis=1)
    return common / numpy.maximum(area_a[:, None] + area_b[None, :] - common, 1e-9)
