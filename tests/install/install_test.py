#!/usr/bin/env python3
"""Installs the build into a fresh prefix; writes an app with the installed `omma new`, outside the
repository; builds it against the installed package alone, runs its test, and runs it.

    python3 tests/install/install_test.py BUILD_FOLDER
"""
import sys

from scratch import Scratch, expect

APP = "street_count"
BEATS = 6


def main():
    build = sys.argv[1]
    scratch = Scratch()
    try:
        prefix = scratch.folder / "prefix"
        scratch.run("cmake", "--install", build, "--prefix", prefix)
        omma = prefix / "bin/omma"
        scratch.run(omma, "new", APP, "--dir", scratch.folder)
        app = scratch.folder / APP
        scratch.run("cmake", "-S", app, "-B", app / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
                    "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-O1 -Wall -Wextra -Werror")
        scratch.run("cmake", "--build", app / "build", "--parallel", "2")
        scratch.run("ctest", "--test-dir", app / "build", "--output-on-failure")

        with scratch.cluster(omma, app / "cluster.yaml"):
            rows = scratch.rows_of(omma, APP, "--beats", BEATS, "--period-ms", 20)
            kinds = [row["kind"] for row in rows]
            expect(kinds == ["beat"] * BEATS + ["end"], f"a row a beat, then the end: {rows}")
            expect(rows[-1]["sum"] == BEATS * (BEATS + 1) // 2, f"the sum is right: {rows[-1]}")
    finally:
        scratch.remove()


if __name__ == "__main__":
    main()
