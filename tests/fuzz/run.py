"""Drives the fuzz targets of a build of the preset `fuzz`, two at a time, for so many seconds each.

What libFuzzer learns stays in BUILD/fuzz/learnt and is where the next run goes on; an input that
breaks a target lands in BUILD/fuzz/found, and its path is printed. Exit code 1 when there is one.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# An input that takes longer than this, or more memory, is a bug as well.
INPUT_SECONDS, INPUT_MIB = 10, 2048
LENGTH_MAX = {"cluster_files": 4096, "model_cards": 4096, "cells": 2048}
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def targets_of(build):
    return sorted(path.stem for path in HERE.glob("corpus/*") if path.is_dir()
                  and (build / "fuzz" / f"fuzz_{path.stem}").exists())


def fuzz(build, target, seconds):
    """One target; (what to print, whether it survived)."""
    folder = build / "fuzz"
    learnt, found = folder / "learnt" / target, folder / "found"
    learnt.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    words = [folder / f"fuzz_{target}", learnt, HERE / "corpus" / target,
             f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}",
             f"-rss_limit_mb={INPUT_MIB}", f"-max_len={LENGTH_MAX.get(target, 65536)}",
             f"-artifact_prefix={found}/{target}-", "-print_final_stats=1", "-verbosity=1"]
    log = folder / f"{target}.log"
    with log.open("w") as out:
        code = subprocess.run([str(word) for word in words], stdout=out, stderr=out,
                              stdin=subprocess.DEVNULL, check=False,
                              env=dict(os.environ, **OPTIONS)).returncode
    text = log.read_text(errors="replace")
    runs = re.findall(r"stat::number_of_executed_units: (\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    line = (f"{target:14} {runs[-1] if runs else '?':>10} inputs in {seconds} s, "
            f"{coverage[-1] if coverage else '?':>6} edges")
    if code == 0:
        return f"{line}, nothing found", True
    why = re.findall(r"^(?:SUMMARY: .*|.*check failed.*|==.*ERROR: .*)$", text, re.MULTILINE)
    kept = re.findall(r"Test unit written to (\S+)", text)
    return "\n".join([f"{line}, BROKEN (exit code {code})", *why[:3],
                      f"  input: {kept[-1] if kept else 'none kept'}", f"  log:   {log}"]), False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    parser.add_argument("targets", nargs="*", help="all of them unless named")
    options = parser.parse_args()
    build = options.build.resolve()
    known = targets_of(build)
    unknown = sorted(set(options.targets) - set(known))
    if unknown or not known:
        sys.exit(f"no fuzz target {', '.join(unknown)} in {build}; there are: {', '.join(known)}")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda target: fuzz(build, target, options.seconds),
                           options.targets or known)
        survived = True
        for text, well in results:
            print(text, flush=True)
            survived = survived and well
    sys.exit(0 if survived else 1)


if __name__ == "__main__":
    main()
