"""Boxes: overlap, suppression, fusion. Boxes are [N, 4] arrays x1, y1, x2, y2."""

import numpy as np


def iou_matrix(a, b):
    """Intersection over union of each of `a` [N, 4] with each of `b` [M, 4]: [N, M]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inner = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(a[:, 2:4] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:4] - b[:, :2], axis=1)
    return inner / np.maximum(area_a[:, None] + area_b[None] - inner, 1e-12)


def suppress(boxes, scores, iou_max):
    """Greedy non-maximum suppression, best first: the kept (boxes, scores)."""
    order = np.argsort(-scores, kind="stable")
    boxes, scores = boxes[order], scores[order]
    overlap = iou_matrix(boxes, boxes) > iou_max
    dropped = np.zeros(len(scores), bool)
    kept = []
    for i in range(len(scores)):
        if not dropped[i]:
            kept.append(i)
            dropped |= overlap[i]
    return boxes[kept], scores[kept]


def fuse_boxes(views, iou_min):
    """Weighted box fusion (Solovyev, Wang, Gabruseva 2019) of one class.

    `views` is a list of ([N, 4] boxes, [N] scores), one per view. A view adds at
    most one box to a cluster. Returns ([M, 4] fused boxes, [M] sums of
    the scores of the views in each cluster, [M] number of views).
    """
    boxes = np.concatenate([b for b, _ in views])
    scores = np.concatenate([s for _, s in views])
    owner = np.concatenate([np.full(len(s), i) for i, (_, s) in enumerate(views)])
    centres = np.zeros((0, 4))
    sums, members = [], []
    for i in np.argsort(-scores, kind="stable"):
        best = -1
        if len(centres):
            overlap = iou_matrix(boxes[i:i + 1], centres)[0]
            overlap[[owner[i] in m for m in members]] = 0
            if overlap.max() > iou_min:
                best = int(overlap.argmax())
        if best < 0:
            centres = np.vstack([centres, boxes[i]])
            sums.append(float(scores[i]))
            members.append({int(owner[i])})
        else:
            total = sums[best] + scores[i]
            centres[best] = (centres[best] * sums[best] + boxes[i] * scores[i]) / total
            sums[best] = float(total)
            members[best].add(int(owner[i]))
    return centres, np.array(sums), np.array([len(m) for m in members])
