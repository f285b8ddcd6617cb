"""Measures how fast messages are, each figure beside its baseline in the same run, and compares the
ratios with the aims.

    python3 tools/bench/speed.py --build build/release [--runs 3] [--only NAME] [--check]
                                 [--json speed.json] [--no-ray]

Every figure and its baseline are measured alternately --runs times, and the median of each counts.
Processes are two on this machine. CAF's own network layer and Ray stand in the table to compare
with; no aim is set against them. Ray comes from PyPI into a folder of the build's own (once); where
it cannot, its rows say SKIPPED and why.

With --check it fails when an aim is missed, and names each. BUILD is a build folder with
omma_speed.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_MAX = 300
RAY = "ray==2.60.0"
MEGABYTE = 1_000_000 // 64 * 64
PICTURE = 1920 * 1080 * 3


@dataclasses.dataclass
class Row:
    """A figure of ours, what it is compared with, and the aim."""
    name: str
    words: list            # omma_speed's arguments
    key: str               # of the figure in what it prints
    unit: str
    baseline: list = None  # omma_speed's arguments; None: the aim is a figure, not a ratio
    baseline_name: str = ""
    aim: float = 0.0
    at_least: bool = False  # else at most
    of_figure: bool = False  # the aim is for the figure, though there is a baseline
    note: str = ""          # another key worth showing


def rows_of(folder):
    unix = f"unix:{folder}/near"
    return [
        Row("local message", ["local"], "us", "us", ["bare-caf"], "bare CAF send", 1.5),
        Row("round trip, TCP", ["round-trip"], "p50_us", "us", ["bare-rpc"],
            "bare hand-over + RPC", 1.3, note="p99_us"),
        Row("round trip, Unix", ["round-trip", "--address", unix], "p50_us", "us",
            ["bare-rpc", "--address", unix], "bare hand-over + RPC", 1.3, note="p99_us"),
        Row("small messages, TCP", ["rate"], "per_second", "/s", aim=150_000, at_least=True),
        Row("small messages, Unix", ["rate", "--address", unix], "per_second", "/s", aim=150_000,
            at_least=True),
        Row("1 MB one way, TCP", ["payload", "--bytes", str(MEGABYTE), "--count", "4000"],
            "gb_per_second", "GB/s", ["raw-tcp", "--bytes", str(MEGABYTE), "--count", "8000"],
            "raw TCP, writev", 0.6, True),
        Row("6.2 MB one way, TCP", ["payload", "--bytes", str(PICTURE), "--count", "800"],
            "gb_per_second", "GB/s", ["raw-tcp", "--bytes", str(PICTURE), "--count", "1600"],
            "raw TCP, writev", 0.6, True),
        Row("1 MB one way, one machine", ["payload", "--address", unix, "--bytes", str(MEGABYTE),
                                          "--count", "8000"],
            "gb_per_second", "GB/s", ["memcpy", "--bytes", str(MEGABYTE), "--count", "4000"],
            "memcpy", 8.0, True, of_figure=True),
        Row("6.2 MB one way, one machine", ["payload", "--address", unix, "--bytes", str(PICTURE),
                                            "--count", "1600"],
            "gb_per_second", "GB/s", ["memcpy", "--bytes", str(PICTURE), "--count", "800"],
            "memcpy", 8.0, True, of_figure=True),
        Row("ping beside 6.2 MB pictures", ["beside-pictures"], "p99_us", "us p99",
            ["round-trip", "--count", "5000"], "ping when idle", aim=5000, of_figure=True,
            note="gb_per_second"),
        Row("idle actor", ["idle-actors", "--address", unix], "bytes", "bytes", aim=4096,
            note="begun_per_second"),
    ]


# To compare with: name, our arguments, key, unit, Ray's key.
OTHERS = [
    ("round trip, TCP", "CAF's network layer", ["caf-net", "--what", "round-trip"], "p50_us",
     "us"),
    ("small messages, TCP", "CAF's network layer",
     ["caf-net", "--what", "rate", "--count", "300000"], "per_second", "/s"),
]
RAY_KEYS = [("round trip, TCP", "p50_us", "us"), ("small messages, TCP", "per_second", "/s")]


class Bench:
    def __init__(self, program, folder):
        self.program, self.folder = str(program), folder

    def run(self, words):
        for socket in self.folder.glob("near*"):
            socket.unlink()
        # Of its own session, so that the far process goes with it whatever happens.
        process = subprocess.Popen([self.program, *words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            out, err = process.communicate(timeout=SECONDS_MAX)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {out}{err}".strip())
        return json.loads(out)

    def row(self, row, runs):
        ours, theirs, notes = [], [], []
        for _ in range(runs):
            if row.baseline:
                theirs.append(self.run(row.baseline)[row.key])
            figures = self.run(row.words)
            ours.append(figures[row.key])
            if row.note:
                notes.append(figures[row.note])
        result = {"name": row.name, "unit": row.unit, "figure": statistics.median(ours),
                  "figures": ours, "aim": row.aim, "at_least": row.at_least}
        if notes:
            result[row.note] = statistics.median(notes)
        if theirs:
            result.update(baseline=row.baseline_name, baseline_figure=statistics.median(theirs),
                          baseline_figures=theirs,
                          ratio=result["figure"] / statistics.median(theirs))
        result["of_ratio"] = bool(theirs) and not row.of_figure
        result["compared"] = result["ratio"] if result["of_ratio"] else result["figure"]
        result["met"] = (result["compared"] >= row.aim if row.at_least
                         else result["compared"] <= row.aim)
        return result


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def aim_of(result):
    sign = ">=" if result["at_least"] else "<="
    return f"{sign} {number(result['aim'])}{'x' if result['of_ratio'] else ''}"


def print_table(results):
    head = f"{'what':28} {'figure':>12} {'unit':7} {'baseline':>12} {'ratio':>6} {'aim':>12} met"
    print(f"{head}\n{'-' * len(head)}")
    for result in results:
        if "skipped" in result:
            print(f"{result['name']:28} SKIPPED: {result['skipped']}")
            continue
        spread = (max(result["figures"]) - min(result["figures"])) / result["figure"]
        met = {True: "yes", False: "NO", None: ""}[result.get("met")]
        ratio = f"{result['ratio']:.2f}" if "ratio" in result else ""
        print(f"{result['name']:28} {number(result['figure']):>12} {result['unit']:7} "
              f"{number(result.get('baseline_figure')):>12} {ratio:>6} "
              f"{aim_of(result) if 'aim' in result else '':>12} {met:3} "
              f"spread {spread:.0%}  {result.get('baseline', '')}")


def others_of(bench, results):
    """CAF's network layer, as rows of their own beside ours."""
    ours = {result["name"]: result["figure"] for result in results}
    rows = []
    for name, other, words, key, unit in OTHERS:
        if name not in ours:
            continue
        figure = bench.run(words)[key]
        rows.append({"name": f"  {name}: CAF", "unit": unit, "figure": figure,
                     "figures": [figure], "baseline": other})
    return rows


def ray_python(build):
    """A Python that has Ray, or why there is none."""
    folder = build / "ray"
    python = folder / "bin" / "python3"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True,
                              text=True, check=False)
        if made.returncode != 0:
            return None, f"no virtual environment: {(made.stderr or made.stdout).strip()[-200:]}"
    asked = subprocess.run([str(python), "-c", "import ray"], capture_output=True, check=False)
    if asked.returncode != 0:
        got = subprocess.run([str(python), "-m", "pip", "install", "--quiet", RAY],
                             capture_output=True, text=True, check=False)
        if got.returncode != 0:
            return None, f"pip does not install {RAY}: {got.stderr.strip()[-200:]}"
    return python, ""


def ray_rows(build, results):
    names = {result["name"] for result in results}
    wanted = [row for row in RAY_KEYS if row[0] in names]
    if not wanted:
        return []
    python, why = ray_python(build)
    figures = {"skipped": why}
    if python:
        ran = subprocess.run([str(python), str(HERE / "ray_rows.py")], capture_output=True,
                             text=True, timeout=SECONDS_MAX, check=False)
        try:
            figures = json.loads(ran.stdout)
        except json.JSONDecodeError:
            figures = {"skipped": f"Ray did not run: {(ran.stdout + ran.stderr).strip()[-200:]}"}
    rows = []
    for name, key, unit in wanted:
        row = {"name": f"  {name}: Ray"}
        if "skipped" in figures:
            row["skipped"] = figures["skipped"]
        else:
            row.update(unit=unit, figure=figures[key], figures=[figures[key]],
                       baseline=f"Ray {figures['version']}")
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=3, help="of each figure and its baseline")
    parser.add_argument("--only", action="append", help="rows whose names contain this")
    parser.add_argument("--check", action="store_true", help="fail when an aim is missed")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    parser.add_argument("--no-ray", action="store_true")
    options = parser.parse_args()
    found = sorted(options.build.resolve().glob("**/omma_speed"))
    if not found:
        print(f"no omma_speed in {options.build}; build it first: ./run bench speed",
              file=sys.stderr)
        return 2
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ommaspeed", dir="/tmp"))
    results = []
    try:
        bench = Bench(found[0], folder)
        for row in rows_of(folder):
            if options.only and not any(part in row.name for part in options.only):
                continue
            print(f"measuring: {row.name}", file=sys.stderr)
            results.append(bench.row(row, options.runs))
        measured = list(results)
        results += others_of(bench, measured)
        if not options.no_ray:
            results += ray_rows(options.build.resolve(), measured)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{os.cpu_count()} cores, {platform.machine()}, {platform.system()} "
          f"{platform.release()}; median of {options.runs}\n")
    print_table(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    misses = [result for result in results if result.get("met") is False]
    for miss in misses:
        print(f"MISSED {miss['name']}: {number(miss['compared'])}, aim {aim_of(miss)}")
    return 1 if options.check and misses else 0


if __name__ == "__main__":
    sys.exit(main())
