"""Random training crops and their target maps.

Crop number i depends only on (seed, i), so the training sees the same crops in
the same order however many processes prepare them.
"""

import cv2
import numpy as np
from torch.utils.data import Dataset

from detector_net import INPUT_WIDTH, STRIDE
from label_frames import DOUBTFUL_MIN, POSITIVE_MIN
from video_frames import SOURCES, read_frames

CROP = 256  # pixels, both sides
CELLS = CROP // STRIDE
SOURCE_SHARE = {"street": 0.6, "corridor": 0.2, "cars": 0.2}
LABELLED_SHARE = 0.75  # of the crops come from frames with at least one label
FULL_SCORE = 0.6  # fused confidence from which the target score is 1


class Crops(Dataset):
    """`count` crops of the training frames, as (pixels, heat, box, box weight, learn)."""

    def __init__(self, videos, labels, street_last, seed, count):
        self.seed, self.count = seed, count
        self.noise = np.random.default_rng(seed).standard_normal(2_000_000, dtype=np.float32)
        self.samples, self.labelled = {}, {}
        for source in SOURCES:
            self.samples[source.name] = [
                (frame, labels[source.name, number])
                for number, frame in read_frames(videos, source)
                if source.name != "street" or number <= street_last]
            self.labelled[source.name] = [
                sample for sample in self.samples[source.name]
                if (sample[1][:, 4] >= POSITIVE_MIN).any()]

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        """uint8 [256, 256, 3] BGR, then the target maps of `targets`."""
        cv2.setNumThreads(0)
        rng = np.random.default_rng((self.seed, index))
        name = rng.choice(list(SOURCE_SHARE), p=list(SOURCE_SHARE.values()))
        labelled = rng.random() < LABELLED_SHARE
        frames = (self.labelled if labelled else self.samples)[name]
        frame, labels = frames[rng.integers(len(frames))]
        image, labels = cut(frame, labels, rng)
        if rng.random() < 0.5:
            image = image[:, ::-1]
            labels[:, [0, 2]] = CROP - labels[:, [2, 0]]
        return (disturb(image, rng, self.noise), *targets(labels))


def cut(frame, labels, rng):
    """A scaled crop of `frame` and its labels in crop pixels.

    The scale is that of the whole frame at the network's input width, times 0.7 to 1.5;
    most crops are placed on a labelled box, the others anywhere.
    """
    height, width = frame.shape[:2]
    scale = INPUT_WIDTH / width * np.exp(rng.uniform(-0.35, 0.42))
    stretch = np.exp(rng.uniform(-0.08, 0.08))
    scale_x, scale_y = scale * stretch, scale / stretch
    crop_w, crop_h = round(CROP / scale_x), round(CROP / scale_y)
    boxes = labels[:, :4] * (width, height, width, height)
    if len(boxes) and rng.random() < 0.6:
        centre = boxes[rng.integers(len(boxes))].reshape(2, 2).mean(0)
        x0 = int(centre[0] - crop_w * rng.uniform(0.1, 0.9))
        y0 = int(centre[1] - crop_h * rng.uniform(0.1, 0.9))
    else:
        x0 = int(rng.integers(-20, max(width - crop_w + 20, -19)))
        y0 = int(rng.integers(-20, max(height - crop_h + 20, -19)))
    # Stay on the frame as far as the crop fits; up to 20 pixels of border teach its edge.
    x0 = int(np.clip(x0, -20, max(width - crop_w + 20, -20)))
    y0 = int(np.clip(y0, -20, max(height - crop_h + 20, -20)))
    part = np.full((crop_h, crop_w, 3), 110, np.uint8)
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + crop_w, width), min(y0 + crop_h, height)
    part[top - y0:bottom - y0, left - x0:right - x0] = frame[top:bottom, left:right]
    how = cv2.INTER_AREA if scale < 1 and rng.random() < 0.5 else cv2.INTER_LINEAR
    image = cv2.resize(part, (CROP, CROP), interpolation=how)
    factor = np.array([CROP / crop_w, CROP / crop_h] * 2)
    labels = labels.copy()
    labels[:, :4] = (boxes - (x0, y0, x0, y0)) * factor
    return image, labels


def disturb(image, rng, noise):
    """Random light, colour, noise, blur and JPEG loss; uint8 [256, 256, 3] in and out.

    `noise` is a bank of standard normal values, of which a random stretch is taken.
    """
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    gain = np.full(3, rng.uniform(0.7, 1.3))
    if rng.random() < 0.3:
        gain *= 1 + rng.uniform(-0.1, 0.1, 3)
    levels = np.arange(256)[:, None] * gain + rng.uniform(-20, 20)
    table = np.clip(levels, 0, 255).astype(np.uint8).reshape(1, 256, 3)
    image = cv2.LUT(np.ascontiguousarray(image), table)
    if rng.random() < 0.25:
        start = rng.integers(len(noise) - image.size)
        grain = noise[start:start + image.size].reshape(image.shape)
        grain = grain * np.float32(rng.uniform(1, 8))
        image = cv2.add(image, grain, dtype=cv2.CV_8U)
    return image


def targets(labels):
    """Target maps of one crop from its labels [N, 6] in crop pixels.

    heat   [2, 32, 32]  wanted score: a Gaussian with its peak in the box's middle cell
    box    [4, 32, 32]  wanted distances in cells: left, top, right, bottom
    weight [32, 32]     weight of the box in the loss; 0 away from the middle cells
    learn  [2, 32, 32]  0 where the scores are not to be learnt, else 1
    """
    heat = np.zeros((2, CELLS, CELLS), np.float32)
    box = np.zeros((4, CELLS, CELLS), np.float32)
    weight = np.zeros((CELLS, CELLS), np.float32)
    learn = np.ones((2, CELLS, CELLS), np.float32)
    middles = np.arange(CELLS, dtype=np.float32) + 0.5
    doubtful = []
    near = ((labels[:, 0] < CROP) & (labels[:, 2] > 0)
            & (labels[:, 1] < CROP) & (labels[:, 3] > 0) & (labels[:, 4] >= DOUBTFUL_MIN))
    labels = labels[near]
    in_cells = labels / (STRIDE, STRIDE, STRIDE, STRIDE, 1, 1)
    for x1, y1, x2, y2, confidence, cls in in_cells:
        cls = int(cls)
        seen = np.clip([x1, y1, x2, y2], 0, CELLS)
        centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
        share = (seen[2] - seen[0]) * (seen[3] - seen[1]) / ((x2 - x1) * (y2 - y1) + 1e-6)
        if share < 0.5 or not (0 <= centre_x < CELLS and 0 <= centre_y < CELLS):
            learn[:, int(seen[1]):int(seen[3]) + 1, int(seen[0]):int(seen[2]) + 1] = 0
            continue
        column = np.arange(CELLS) - int(centre_x)
        row = np.arange(CELLS) - int(centre_y)
        bell = np.exp(-0.5 * (row[:, None] / max((y2 - y1) / 6, 0.45)) ** 2
                      - 0.5 * (column[None] / max((x2 - x1) / 6, 0.45)) ** 2)
        if confidence < POSITIVE_MIN:
            doubtful.append((cls, bell > 0.1))
            continue
        heat[cls] = np.maximum(heat[cls], bell * min(1.0, confidence / FULL_SCORE))
        mine = (bell > 0.55) & (bell > weight)
        rows, columns = np.nonzero(mine)
        reach = (middles[columns] - x1, middles[rows] - y1,
                 x2 - middles[columns], y2 - middles[rows])
        box[:, rows, columns] = np.maximum(reach, 0.05)
        weight[mine] = bell[mine]
    for cls, area in doubtful:
        learn[cls][area & (heat[cls] < 0.3)] = 0
    return heat, box, weight, learn
