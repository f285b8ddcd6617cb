"""Recall, precision and F1 of a detector for persons on vtest.avi.

A detection counts when its intersection over union with a box not yet taken is at least
0.5; detections choose in the order of their scores. Two uses:

    evaluate_detector.py choose --model CARD --videos DIR --work DIR
        compares with the teachers' labels (WORK/labels.npy) and names the score
        threshold and NMS overlap with the best F1: these go into the card;

    evaluate_detector.py measure --model CARD --videos DIR [--score S] [--nms-iou T]
        compares with the ground truth DIR/vtest.gt.csv at one threshold, by default the
        card's. The ground truth chooses nothing.
"""

import argparse
import csv
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from box_math import iou_matrix, suppress
from label_frames import DOUBTFUL_MIN, POSITIVE_MIN
from video_frames import SOURCES, read_frames

STREET = SOURCES[0]
MATCH_IOU_MIN = 0.5
SCORE_FLOOR = 0.05


class Detector:
    """A detector and its card, frozen and optimised as the product runs it."""

    def __init__(self, card_path):
        card_path = Path(card_path)
        self.card = json.loads(card_path.read_text())
        self.height, self.width = self.card["input"]["shape"][2:]
        self.classes = self.card["classes"]
        module = torch.jit.load(str(card_path.parent / self.card["file"])).eval()
        self.module = torch.jit.optimize_for_inference(torch.jit.freeze(module))

    def detect(self, frame, name):
        """Boxes [N, 4] in 0..1 and scores [N] of class `name`, before NMS.

        `frame` is uint8 [H, W, 3] BGR; it is resized to the input without keeping its shape.
        """
        image = cv2.resize(frame, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        pixels = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32))
        with torch.no_grad():
            boxes, scores = self.module(pixels)
        boxes, scores = boxes[0].numpy(), scores[0, :, self.classes.index(name)].numpy()
        likely = scores > SCORE_FLOOR
        return boxes[likely], scores[likely]


def match(boxes, truth):
    """Index of the truth box [M, 4] each of `boxes` [N, 4] takes, best score first, or -1."""
    taken = np.zeros(len(truth), bool)
    chosen = np.full(len(boxes), -1)
    if len(truth):
        overlap = iou_matrix(boxes, truth)
        for i in range(len(boxes)):
            free = np.where(taken, 0, overlap[i])
            best = int(free.argmax())
            if free[best] >= MATCH_IOU_MIN:
                taken[best] = True
                chosen[i] = best
    return chosen


def count(detections, truth, doubtful, score, nms_iou):
    """(recall, precision, F1) over all frames of `truth`.

    `detections`: frame -> (boxes, scores); `truth` and `doubtful`: frame -> [N, 4]. A detection
    that takes no true box but lies on a doubtful one is not counted at all.
    """
    hits = wrong = wanted = 0
    for number, (boxes, scores) in detections.items():
        likely = scores >= score
        boxes, _ = suppress(boxes[likely], scores[likely], nms_iou)
        chosen = match(boxes, truth[number])
        free = boxes[chosen < 0]
        spared = 0
        if len(free) and len(doubtful[number]):
            spared = int((iou_matrix(free, doubtful[number]).max(1) >= MATCH_IOU_MIN).sum())
        hits += int((chosen >= 0).sum())
        wrong += len(free) - spared
        wanted += len(truth[number])
    recall = hits / max(wanted, 1)
    precision = hits / max(hits + wrong, 1)
    return recall, precision, 2 * recall * precision / max(recall + precision, 1e-9)


def read_ground_truth(videos):
    """frame -> [N, 4] boxes in fractions of the 768x576 frame, from vtest.gt.csv."""
    boxes = {number: [] for number in range(1, STREET.last + 1)}
    with open(Path(videos) / "vtest.gt.csv", newline="") as file:
        for row in csv.reader(file):
            left, top, width, height = map(float, row[2:6])
            boxes[int(row[0])].append((left / 768, top / 576, (left + width) / 768,
                                       (top + height) / 576))
    return {number: np.array(rows, float).reshape(-1, 4) for number, rows in boxes.items()}


def choose(detections, labels, name, nms_choices):
    """Print F1 against the teachers' labels; the best (F1, score, NMS overlap)."""
    cls = ("person", "vehicle").index(name)
    truth, doubtful = {}, {}
    for number in detections:
        rows = labels["street", number]
        rows = rows[rows[:, 5] == cls]
        truth[number] = rows[rows[:, 4] >= POSITIVE_MIN, :4]
        doubtful[number] = rows[(rows[:, 4] >= DOUBTFUL_MIN) & (rows[:, 4] < POSITIVE_MIN), :4]
    best = (0.0, 0.0, 0.0)
    for nms_iou in nms_choices:
        for score in np.arange(0.2, 0.71, 0.02):
            recall, precision, f1 = count(detections, truth, doubtful, score, nms_iou)
            best = max(best, (f1, round(float(score), 2), nms_iou))
            if round(score * 100) % 10 == 0:
                print(f"{name} nms {nms_iou} score {score:.2f}: recall {recall:.3f} "
                      f"precision {precision:.3f} F1 {f1:.3f}")
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("choose", "measure"))
    parser.add_argument("--model", required=True, help="a detector's card (.json)")
    parser.add_argument("--videos", required=True, help="folder with vtest.avi and its truth")
    parser.add_argument("--work", help="folder with labels.npy, for choose")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=STREET.last)
    parser.add_argument("--score", type=float, help="threshold, else the card's")
    parser.add_argument("--nms-iou", type=float, help="NMS overlap, else the card's")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    detector = Detector(arguments.model)
    frames = [(number, frame) for number, frame in read_frames(arguments.videos, STREET)
              if arguments.first <= number <= arguments.last]
    if arguments.task == "choose":
        labels = np.load(Path(arguments.work) / "labels.npy", allow_pickle=True).item()
        for name in ("person", "vehicle"):
            detections = {number: detector.detect(frame, name) for number, frame in frames}
            best = choose(detections, labels, name, (0.4, 0.5, 0.6))
            print(f"{name}: best F1 {best[0]:.3f} at score {best[1]}, nms {best[2]}")
        return
    recommended = detector.card.get("recommended", {"score": 0.3, "nms_iou": 0.45})
    score = recommended["score"] if arguments.score is None else arguments.score
    nms_iou = recommended["nms_iou"] if arguments.nms_iou is None else arguments.nms_iou
    detections = {number: detector.detect(frame, "person") for number, frame in frames}
    nothing = {number: np.zeros((0, 4)) for number in detections}
    recall, precision, f1 = count(detections, read_ground_truth(arguments.videos), nothing,
                                  score, nms_iou)
    print(f"{detector.card['name']} frames {arguments.first} to {arguments.last} score {score} "
          f"nms {nms_iou}: F1 {f1:.3f} recall {recall:.3f} precision {precision:.3f}")


if __name__ == "__main__":
    main()
