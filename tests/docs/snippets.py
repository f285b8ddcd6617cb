#!/usr/bin/env python3
"""Builds and runs what docs/WRITING_APPS.md shows: the blocks that are marked <!-- file NAME -->
become an app outside the repository, over what `omma new` writes; it is built with what a build
installs, tested, and run on video.

    python3 tests/docs/snippets.py BUILD_FOLDER
    python3 tests/docs/snippets.py --extract FOLDER   # only writes the files
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/install"))
from scratch import Scratch, expect  # noqa: E402 (it lies beside another test)

DOCUMENT = SOURCE / "docs/WRITING_APPS.md"
STREET_VIDEO = pathlib.Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
APP = "busy"
FILES = {"busy.capnp", "busy.hpp", "busy.cpp", "busy_test.cpp", "CMakeLists.txt", "cluster.yaml"}
BLOCK = re.compile(r"^<!-- file (\S+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNMARKED = re.compile(r"(?<!-->)\n```(?:cpp|capnp|cmake|yaml)\n")


def blocks():
    text = DOCUMENT.read_text(encoding="utf-8")
    found = dict(BLOCK.findall(text))
    expect(set(found) == FILES, f"the document shows the whole app: {sorted(found)}")
    expect(not UNMARKED.search(text), "every block of code is marked as part of a file")
    return found


def extract(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in blocks().items():
        (folder / name).write_text(text, encoding="utf-8")


def run_on_video(scratch, omma, app):
    if not STREET_VIDEO.exists():
        print(f"SKIPPED: running it; {STREET_VIDEO} is absent, Debian's package opencv-doc has it")
        return
    video = scratch.folder / "street.mp4"
    scratch.run(omma, "clip", STREET_VIDEO, video, "--frames", 40)
    with scratch.cluster(omma, app / "cluster.yaml"):
        rows = scratch.rows_of(omma, APP, "--camera", video, "--limit", 2)
    kinds = {row["kind"] for row in rows}
    expect({"people", "end"} <= kinds, f"people are seen, and the end comes: {rows}")
    expect(rows[-1]["kind"] == "end" and rows[-1]["most"] > 0, f"the end is last: {rows}")


def main():
    if sys.argv[1] == "--extract":
        return extract(pathlib.Path(sys.argv[2]))
    build = sys.argv[1]
    scratch = Scratch()
    try:
        prefix = scratch.folder / "prefix"
        scratch.run("cmake", "--install", build, "--prefix", prefix)
        omma = prefix / "bin/omma"
        scratch.run(omma, "new", APP, "--dir", scratch.folder)
        app = scratch.folder / APP
        extract(app)
        scratch.run("cmake", "-S", app, "-B", app / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
                    "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O1 -Wall -Wextra -Werror")
        scratch.run("cmake", "--build", app / "build", "--parallel", "2")
        scratch.run("ctest", "--test-dir", app / "build", "--output-on-failure")
        run_on_video(scratch, omma, app)
    finally:
        scratch.remove()
    return None


if __name__ == "__main__":
    main()
