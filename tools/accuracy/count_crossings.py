"""Counts crossings of lines by tracks, by direction, and compares them with the truth.

Files are MOT csv, one box a line: frame,id,x,y,width,height,score[,...]. A track stands at the
middle of its box's lower edge. It is on a side once it is further from the line than --band, and
has crossed when it is next found on the other side and passed between the segment's ends: the
rule of actors/line_crossing.hpp, written anew so that one checks the other. Left and right are
those of somebody who stands at the line's first point and looks towards its second.

With --people (csv: track id,person,...) a true id is replaced by the person, so that somebody who
left and came back under another id is one: `people` then says how many people crossed at all.

    python count_crossings.py tracks.csv --truth vtest.gt.csv --people vtest.actors.csv \\
        --line 384 150 384 575 --line 150 330 620 330 --json crossings.json
"""

import argparse
import csv
import json
import math
import sys

from mot_csv import read_mot_csv


def count(boxes, line, band, first, last, person_of=None):
    (ax, ay), (bx, by) = line[:2], line[2:]
    length = math.hypot(bx - ax, by - ay)
    stood = {}
    result = {"to_left": 0, "to_right": 0}
    crossed = set()
    for frame in range(first, last + 1):
        ids, corners, _ = boxes.frame(frame)
        for identity, (x1, _, x2, y2) in zip(ids, corners):
            x, y = (x1 + x2) / 2, y2
            side = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length
            if abs(side) < band:
                continue
            before = stood.get(identity)
            stood[identity] = (x, y, side)
            if before is None or (before[2] > 0) == (side > 0):
                continue
            part = before[2] / (before[2] - side)
            px, py = before[0] + part * (x - before[0]), before[1] + part * (y - before[1])
            along = ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length**2
            if not 0 <= along <= 1:
                continue
            result["to_right" if side > 0 else "to_left"] += 1
            crossed.add(person_of.get(identity, identity) if person_of else identity)
    result["people" if person_of else "ids"] = len(crossed)
    return result


def read_people(path):
    people = {}
    with open(path, newline="", encoding="utf-8") as lines:
        for row in csv.reader(lines):
            if row and row[0].strip().isdigit():
                people[int(row[0])] = row[1].strip()
    return people


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tracks")
    parser.add_argument("--line", nargs=4, type=float, action="append", required=True,
                        metavar=("X1", "Y1", "X2", "Y2"))
    parser.add_argument("--truth", help="true tracks to compare with")
    parser.add_argument("--people", help="csv of true track id to person")
    parser.add_argument("--band", type=float, default=6.0, help="dead band in pixels")
    parser.add_argument("--frames", nargs=2, type=int, metavar=("FIRST", "LAST"),
                        help="default: all frames of the truth, else of the tracks")
    parser.add_argument("--json", help="also write the counts here")
    arguments = parser.parse_args()
    tracks = read_mot_csv(arguments.tracks)
    truth = read_mot_csv(arguments.truth) if arguments.truth else None
    people = read_people(arguments.people) if arguments.people else None
    span = truth or tracks
    first, last = arguments.frames or (span.first_frame, span.last_frame)
    report = {"frames": [first, last], "lines": []}
    wrong = total = 0
    for line in arguments.line:
        entry = {"line": line, "counted": count(tracks, line, arguments.band, first, last)}
        if truth:
            entry["truth"] = count(truth, line, arguments.band, first, last, people)
            for direction in ("to_left", "to_right"):
                wrong += abs(entry["counted"][direction] - entry["truth"][direction])
                total += entry["truth"][direction]
        report["lines"].append(entry)
    if truth:
        report["true_crossings"] = total
        report["count_error"] = wrong
    print(json.dumps(report))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)


if __name__ == "__main__":
    sys.exit(main())
