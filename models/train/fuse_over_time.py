"""Labels from the teachers' views: fusion within a frame, then smoothing along tracks.

A label is a row x1, y1, x2, y2 (fractions of the frame), confidence (0..1), class.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from box_math import fuse_boxes, iou_matrix, suppress

WHOLE_VIEWS = 4  # the rest of a frame's views are parts, joined into one view
VIEWS = WHOLE_VIEWS + 1
FUSE_IOU_MIN = 0.5
LINK_IOU_MIN = 0.3
LINK_CONFIDENCE_MIN = 0.12
GAP_FRAMES_MAX = 6
SMOOTH_FRAMES = 1.5  # standard deviation of the smoothing window


def fuse_frame(views, cls):
    """Fuse one frame's views of class `cls`: [N, 5] x1, y1, x2, y2, confidence.

    The confidence is the mean over all views, a view without the box counting 0.
    """
    parts = np.concatenate(views[WHOLE_VIEWS:])
    chosen = []
    for view in [*views[:WHOLE_VIEWS], parts]:
        view = view[view[:, 5] == cls]
        chosen.append(suppress(view[:, :4], view[:, 4], 0.5))
    boxes, sums, _ = fuse_boxes(chosen, FUSE_IOU_MIN)
    boxes, confidence = suppress(boxes, sums / VIEWS, 0.6)
    return np.column_stack([boxes, confidence])


def link(frames):
    """Link boxes over time by their overlap with a constant-speed prediction.

    `frames` maps steps 0, 1, 2, ... to [N, 5]. Returns tracks: dicts step -> row [5].
    """
    tracks, alive = [], []
    for step in range(len(frames)):
        rows = frames[step]
        rows = rows[rows[:, 4] >= LINK_CONFIDENCE_MIN]
        alive = [t for t in alive if step - max(t) <= GAP_FRAMES_MAX]
        used = np.zeros(len(rows), bool)
        if alive and len(rows):
            overlap = iou_matrix(np.array([predict(t, step) for t in alive]), rows[:, :4])
            for i, j in zip(*linear_sum_assignment(-overlap)):
                if overlap[i, j] >= LINK_IOU_MIN:
                    alive[i][step] = rows[j]
                    used[j] = True
        for row in rows[~used]:
            tracks.append({step: row})
            alive.append(tracks[-1])
    return tracks


def predict(track, step):
    """Box [4] of `track` at `step`, by the mean motion over its last five entries."""
    known = sorted(track)[-5:]
    last = track[known[-1]][:4]
    if len(known) < 3:
        return last
    speed = (last - track[known[0]][:4]) / (known[-1] - known[0])
    centre_speed = np.tile((speed[:2] + speed[2:]) / 2, 2)
    return last + centre_speed * (step - known[-1])


def smooth(track):
    """Rows (step, x1, y1, x2, y2, confidence) of `track`, gaps inside it filled.

    Each box comes from a straight line fitted to its neighbours in time,
    weighted by nearness and confidence. The confidence is the mean of the box's own and of
    its neighbourhood's, absent neighbours counting 0; in a gap it is the neighbourhood's. So one
    flicker neither makes nor kills a label.
    """
    steps = np.array(sorted(track), float)
    rows = np.array([track[int(s)] for s in steps])
    window = np.exp(-0.5 * (np.arange(-9, 10) / 3.0) ** 2)  # frames counted as "around"
    result = []
    for step in range(int(steps[0]), int(steps[-1]) + 1):
        time = steps - step
        spread = SMOOTH_FRAMES if step in track else 2 * SMOOTH_FRAMES
        weight = np.exp(-0.5 * (time / spread) ** 2) * rows[:, 4]
        mean_time = (weight * time).sum() / weight.sum()
        mean_box = (weight[:, None] * rows[:, :4]).sum(0) / weight.sum()
        spread_time = (weight * (time - mean_time) ** 2).sum()
        slope = np.zeros(4)
        if spread_time > 1e-3 * weight.sum():
            slope = (weight[:, None] * (time - mean_time)[:, None]
                     * (rows[:, :4] - mean_box)).sum(0) / spread_time
        box = mean_box - slope * mean_time
        around = (np.exp(-0.5 * (time / 3.0) ** 2) * rows[:, 4]).sum() / window.sum()
        own = track[step][4] if step in track else around
        result.append((step, *box, 0.5 * (own + around)))
    return result


def labels_of(views_by_frame):
    """Labels of one video: dict frame number -> [N, 6] float32."""
    numbers = sorted(views_by_frame)
    labels = {number: [] for number in numbers}
    for cls in (0, 1):
        frames = {i: fuse_frame(views_by_frame[n], cls) for i, n in enumerate(numbers)}
        for track in link(frames):
            for step, *row in smooth(track):
                labels[numbers[step]].append((*row, cls))
    return {n: np.array(rows, np.float32).reshape(-1, 6) for n, rows in labels.items()}
