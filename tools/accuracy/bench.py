"""Measures the accuracy of people_count on real video, and compares it with the aims.

    python3 tools/accuracy/bench.py --build build/release [--check] [--json accuracy.json]

The video and its ground truth are optional test data; without them this says SKIPPED and why, and
succeeds. With --check it fails when an aim is missed, and names each. BUILD is a build folder with
the target omma_accuracy. Needs Python 3.11 with venv: what it computes with is installed once, into
BUILD/accuracy/venv, from requirements.txt.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
NEEDED = ("video/vtest.avi", "video/vtest.gt.csv", "models/person-vehicle-bike-detection-2002.pt")


def find_missing(data):
    return [name for name in NEEDED if not (data / name).is_file()]


def make_venv(folder):
    """The python of a virtual environment that holds exactly requirements.txt."""
    requirements = HERE / "requirements.txt"
    stamp = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing {requirements.name} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "-r", requirements], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, default=SOURCE.parent / "shared",
                        help="optional test data (default: ../shared beside the checkout)")
    parser.add_argument("--check", action="store_true", help="fail when an aim is missed")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    arguments = parser.parse_args()
    missing = find_missing(arguments.data)
    if missing:
        print(f"SKIPPED: accuracy needs {', '.join(missing)} in {arguments.data}; "
              "another folder: --data DIR")
        return 0
    tool = arguments.build / "tools" / "accuracy" / "omma_accuracy"
    if not tool.is_file():
        print(f"no {tool}; build it first: cmake --build {arguments.build} "
              "--target omma_accuracy", file=sys.stderr)
        return 2
    work = arguments.build / "accuracy"
    work.mkdir(exist_ok=True)
    try:
        python = make_venv(work / "venv")
    except subprocess.CalledProcessError as error:
        print(f"no virtual environment ({error}); it needs the package python3-venv and PyPI",
              file=sys.stderr)
        return 2
    command = [python, HERE / "report.py", "--tool", tool, "--work", work,
               "--data", arguments.data, "--models", SOURCE / "models"]
    command += ["--check"] if arguments.check else []
    command += ["--json", arguments.json] if arguments.json else []
    sys.stdout.flush()
    os.execv(python, [str(part) for part in command])


if __name__ == "__main__":
    sys.exit(main())
