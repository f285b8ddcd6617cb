"""Scores tracks against ground truth: MOTA, IDF1, switches, recall, precision.

Both files are MOT csv, one box a line: frame,id,x,y,width,height,score[,...], frames from 1,
pixels. A header line is passed over. A pair may match when its boxes overlap by --overlap (IoU).

    python evaluate_tracking.py tracks.csv vtest.gt.csv --frames 1 420 --json scores.json
"""

import argparse
import json
import sys

import motmetrics
import numpy

from mot_csv import overlaps, read_mot_csv

METRICS = {
    "mota": "mota",
    "idf1": "idf1",
    "num_switches": "switches",
    "num_fragmentations": "fragments",
    "num_unique_objects": "objects",
    "recall": "recall",
    "precision": "precision",
}


def score(truth, tracks, first, last, overlap_min):
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in range(first, last + 1):
        true_ids, true_boxes, _ = truth.frame(frame)
        ids, boxes, _ = tracks.frame(frame)
        overlap = overlaps(true_boxes, boxes)
        distance = numpy.where(overlap >= overlap_min, 1 - overlap, numpy.nan)
        accumulator.update(true_ids, ids, distance)
    host = motmetrics.metrics.create()
    row = host.compute(accumulator, metrics=list(METRICS), name="all").iloc[0]
    scores = {name: float(row[metric]) for metric, name in METRICS.items()}
    for name in ("switches", "fragments", "objects"):
        scores[name] = int(scores[name])
    scores["track_ids"] = len({i for f in range(first, last + 1) for i in tracks.frame(f)[0]})
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tracks")
    parser.add_argument("truth")
    parser.add_argument("--frames", nargs=2, type=int, metavar=("FIRST", "LAST"),
                        help="default: all frames of the truth")
    parser.add_argument("--overlap", type=float, default=0.5)
    parser.add_argument("--json", help="also write the scores here")
    arguments = parser.parse_args()
    truth = read_mot_csv(arguments.truth)
    first, last = arguments.frames or (truth.first_frame, truth.last_frame)
    scores = score(truth, read_mot_csv(arguments.tracks), first, last, arguments.overlap)
    scores["frames"] = [first, last]
    print(json.dumps(scores))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(scores, out, indent=1)


if __name__ == "__main__":
    sys.exit(main())
