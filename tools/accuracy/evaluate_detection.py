"""Scores detections against ground truth: recall, precision and F1 at one overlap.

Both files are MOT csv, one box a line: frame,id,x,y,width,height,score[,...]; the ids are not
looked at. In each frame the detections, best score first, each take the free true box that they
overlap most, if by at least --overlap (IoU).

    python evaluate_detection.py detections.csv vtest.gt.csv --frames 1 420 --score 0.45
"""

import argparse
import json
import sys

import numpy

from mot_csv import overlaps, read_mot_csv


def count_matches(true_boxes, boxes, scores, overlap_min):
    overlap = overlaps(true_boxes, boxes)
    matches = 0
    if len(true_boxes) == 0:
        return 0
    for detection in numpy.argsort(-scores, kind="stable"):
        best = int(numpy.argmax(overlap[:, detection]))
        if overlap[best, detection] >= overlap_min:
            matches += 1
            overlap[best, :] = -1
    return matches


def score(truth, detections, first, last, score_min, overlap_min, every):
    true_count = detected_count = matches = 0
    for frame in range(first, last + 1, every):
        _, true_boxes, _ = truth.frame(frame)
        _, boxes, scores = detections.frame(frame)
        boxes, scores = boxes[scores >= score_min], scores[scores >= score_min]
        true_count += len(true_boxes)
        detected_count += len(boxes)
        matches += count_matches(true_boxes, boxes, scores, overlap_min)
    recall = matches / max(true_count, 1)
    precision = matches / max(detected_count, 1)
    f1 = 2 * recall * precision / max(recall + precision, 1e-9)
    return {"recall": recall, "precision": precision, "f1": f1, "true_boxes": true_count,
            "detections": detected_count, "matches": matches}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("detections")
    parser.add_argument("truth")
    parser.add_argument("--frames", nargs=2, type=int, metavar=("FIRST", "LAST"),
                        help="default: all frames of the truth")
    parser.add_argument("--every", type=int, default=1, help="look at each n-th frame only")
    parser.add_argument("--score", type=float, default=0.45, help="leave out detections below")
    parser.add_argument("--overlap", type=float, default=0.5)
    parser.add_argument("--json", help="also write the scores here")
    arguments = parser.parse_args()
    truth = read_mot_csv(arguments.truth)
    first, last = arguments.frames or (truth.first_frame, truth.last_frame)
    scores = score(truth, read_mot_csv(arguments.detections), first, last, arguments.score,
                   arguments.overlap, arguments.every)
    scores["frames"] = [first, last]
    print(json.dumps(scores))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(scores, out, indent=1)


if __name__ == "__main__":
    sys.exit(main())
