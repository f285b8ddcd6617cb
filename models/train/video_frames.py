"""The training videos and how their frames are read.

Frame numbers start at 1, as in MOT files. Of vtest.avi only frames 1 to 420 are
ever decoded: the rest is kept for judging the product.
"""

from pathlib import Path
from typing import NamedTuple

import cv2


class Source(NamedTuple):
    """One video: a short name, its file, the last frame used, and every which frame."""

    name: str
    file: str
    last: int
    step: int


SOURCES = (
    Source("street", "vtest.avi", 420, 1),
    Source("corridor", "people-detection.264", 596, 3),
    Source("cars", "car-detection.mp4", 377, 2),
)


def read_frames(videos, source):
    """Yield (frame number from 1, uint8 [H, W, 3] BGR) of `source` in folder `videos`."""
    capture = cv2.VideoCapture(str(Path(videos) / source.file))
    if not capture.isOpened():
        raise SystemExit(f"cannot open {source.file} in {videos}")
    for number in range(1, source.last + 1):
        good, frame = capture.read()
        if not good:
            raise SystemExit(f"{source.file} ends at frame {number}, wanted {source.last}")
        if (number - 1) % source.step == 0:
            yield number, frame
    capture.release()
