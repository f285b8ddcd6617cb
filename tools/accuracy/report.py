"""Runs omma_accuracy for each detector, scores what it wrote, and prints it beside the aims.

bench.py calls this with the right python and the right paths.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import count_crossings
import evaluate_detection
import evaluate_tracking
from mot_csv import read_mot_csv

FIRST, LAST = 1, 420  # What the ground truth covers.
OVERLAP = 0.5
BAND = 6.0  # The dead band of actors/line_crossing.hpp, in pixels.
LINES = {
    "centre": (384, 150, 384, 575),
    "across": (150, 330, 620, 330),
    "east": (560, 120, 560, 575),
}
TEACHER = "person-vehicle-bike-detection-2002"
SHIPPED = "omma-detector"

# (detector, figure, what it must at least, or at most, be)
AIMS = (
    (TEACHER, "mota", "at least", 0.84),
    (TEACHER, "idf1", "at least", 0.86),
    (TEACHER, "crossings_off", "at most", 1),
    (SHIPPED, "f1", "at least", 0.91),
    (SHIPPED, "recall", "at least", 0.88),
    (SHIPPED, "precision", "at least", 0.88),
)
# By figure: what it is called, and its form.
FIGURES = {
    "score": ("detections count from score", "{:.2f}"),
    "recall": ("detection recall", "{:.4f}"),
    "precision": ("detection precision", "{:.4f}"),
    "f1": ("detection F1", "{:.4f}"),
    "mota": ("tracking MOTA", "{:.4f}"),
    "idf1": ("tracking IDF1", "{:.4f}"),
    "switches": ("identity switches", "{}"),
    "track_ids": ("track ids given", "{}"),
    "crossings": ("crossings counted", "{}"),
    "crossings_off": ("crossings off, in all", "{}"),
}


def run_tool(arguments, model):
    """Starts omma_accuracy; what it writes lies in the folder named."""
    folder = arguments.work / model
    folder.mkdir(exist_ok=True)
    command = [arguments.tool, "--video", arguments.data / "video" / "vtest.avi",
               "--frames", str(LAST), "--model", model, "--out", folder,
               "--models", arguments.models, "--models", arguments.data / "models"]
    for name, (x1, y1, x2, y2) in LINES.items():
        command += ["--line", f"{name}={x1},{y1}:{x2},{y2}"]
    return folder, subprocess.Popen([str(part) for part in command])


def score_detections(truth, folder, score_min):
    boxes = read_mot_csv(folder / "detections.csv")
    found = evaluate_detection.score(truth, boxes, FIRST, LAST, score_min, OVERLAP, 1)
    return {name: found[name] for name in ("recall", "precision", "f1")}


def count_line(boxes, line):
    counts = count_crossings.count(boxes, line, BAND, FIRST, LAST)
    return {way: counts[way] for way in ("to_left", "to_right")}


def score_crossings(truth, tracks, counted):
    """counted: the app's own totals a line. They must be those of its own tracks."""
    figures = {"crossings": 0, "crossings_off": 0, "true_crossings": 0, "lines": {}}
    for name, line in LINES.items():
        true = count_line(truth, line)
        again = count_line(tracks, line)
        if counted[name] != again:
            raise RuntimeError(f"line {name}: people_count says {counted[name]}, but its tracks "
                               f"crossed {again}: one of the two programs is wrong")
        figures["lines"][name] = {"counted": counted[name], "truth": true}
        figures["crossings"] += sum(counted[name].values())
        figures["true_crossings"] += sum(true.values())
        figures["crossings_off"] += sum(abs(counted[name][way] - true[way]) for way in true)
    return figures


def measure(truth, folder):
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if run["frames"] != LAST:
        raise RuntimeError(f"{run['frames']} frames were looked at, not {LAST}")
    tracks = read_mot_csv(folder / "tracks.csv")
    counted = {line["line"]: {way: line[way] for way in ("to_left", "to_right")}
               for line in run["lines"]}
    figures = {"score": run["score_sure"]}
    figures.update(score_detections(truth, folder, run["score_sure"]))
    tracking = evaluate_tracking.score(truth, tracks, FIRST, LAST, OVERLAP)
    figures.update({name: tracking[name] for name in ("mota", "idf1", "switches", "track_ids")})
    figures.update(score_crossings(truth, tracks, counted))
    return figures


def is_met(value, sense, aim):
    return value >= aim if sense == "at least" else value <= aim


def show(model, figures):
    print(f"\n{model}, frames {FIRST} to {LAST} of vtest.avi, people, IoU {OVERLAP}")
    aims = {figure: (sense, aim) for detector, figure, sense, aim in AIMS if detector == model}
    for figure, (title, form) in FIGURES.items():
        line = f"  {title:<28} {form.format(figures[figure]):>7}"
        if figure in aims:
            sense, aim = aims[figure]
            line += f"   aim: {sense} {aim}, "
            line += "met" if is_met(figures[figure], sense, aim) else "MISSED"
        print(line)
    for name, line in figures["lines"].items():
        counted, true = line["counted"], line["truth"]
        print(f"  line {name:<8} to the left {counted['to_left']} (truth {true['to_left']}), "
              f"to the right {counted['to_right']} (truth {true['to_right']})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("tool", "work", "data", "models"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()

    truth = read_mot_csv(arguments.data / "video" / "vtest.gt.csv")
    runs = {model: run_tool(arguments, model) for model in (SHIPPED, TEACHER)}
    failed = [model for model, (_, process) in runs.items() if process.wait() != 0]
    if failed:
        print(f"omma_accuracy failed with {', '.join(failed)}", file=sys.stderr)
        return 1
    report = {}
    for model, (folder, _) in runs.items():
        report[model] = measure(truth, folder)
        show(model, report[model])
    missed = [f"{model}: {FIGURES[figure][0]} is {FIGURES[figure][1].format(report[model][figure])}"
              f", aim {sense} {aim}"
              for model, figure, sense, aim in AIMS
              if not is_met(report[model][figure], sense, aim)]
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\nall aims met" if not missed else "\nmissed:\n  " + "\n  ".join(missed))
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
