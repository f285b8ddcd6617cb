#!/usr/bin/env python3
"""Plants one bug after another in the real code and demands that the simulation, or else a unit
test of the streams, finds each.

Needs a build with -DOMMA_MUTANTS=ON, in which every bug is there but sleeps. Without a bug no seed
may break and no test fail; with one, some must. Prints a table: bug, caught by, seeds needed.

    python3 tests/mutants/run.py BUILD_FOLDER [--seeds N]
"""

import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BATCHES = (50, 450, 2000, 7500)  # How many seeds to try next.
UNIT_TESTS = ("tests/runtime/cell/runtime_cell_cell_move_test",
              "tests/runtime/protocol/runtime_protocol_outbox_recovery_test")


def mutants():
    with open(os.path.join(ROOT, "runtime", "base", "mutants.hpp"), encoding="utf-8") as file:
        listed = re.search(r"names\{(.*?)\}", file.read(), re.DOTALL)
    return re.findall(r'"(\w+)"', listed.group(1))


def run(program, mutant, first, count):
    """The first broken seed, what broke, and whether the process ended by itself."""
    command = [program, "--first-seed", str(first), "--seeds", str(count), "--failures", "1"]
    if mutant:
        command += ["--mutant", mutant]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        sys.exit(done.stderr.strip() + "; configure with -DOMMA_MUTANTS=ON")
    broken = re.search(r"seed (\d+) BROKEN (\w+): (.*)", done.stdout)
    if broken:
        return int(broken.group(1)), broken.group(2), broken.group(3)
    if done.returncode not in (0, 1):  # A check in the code itself.
        return first, "check", (done.stderr.strip().splitlines() or ["it aborted"])[0]
    return None


def find(program, mutant, seeds_max):
    first = 1
    for batch in BATCHES:
        count = min(batch, seeds_max - first + 1)
        if count <= 0:
            break
        found = run(program, mutant, first, count)
        if found:
            return found
        first += count
    return None


def fails_with(build, mutant):
    """The unit test that this bug, or none, makes fail, and the first failed case."""
    environment = dict(os.environ)
    if mutant:
        environment["OMMA_MUTANT"] = mutant
    for test in UNIT_TESTS:
        done = subprocess.run([os.path.join(build, test)], env=environment, capture_output=True,
                              text=True, check=False)
        if done.returncode == 0:
            continue
        case = re.search(r"^-{20,}\n(.+?)\n-{20,}", done.stdout, re.MULTILINE | re.DOTALL)
        title = " ".join(case.group(1).split()) if case else "it aborted"
        return os.path.basename(test), title
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--seeds", type=int, default=1000, help="at most, for each bug")
    parser.add_argument("--only", help="this bug")
    options = parser.parse_args()
    program = os.path.join(options.build, "omma-sim")
    healthy = run(program, None, 1, 100)
    if healthy:
        print(f"without a bug, seed {healthy[0]} breaks {healthy[1]}: {healthy[2]}")
        return 1
    if fails_with(options.build, None):
        print("a unit test fails without a bug; see to that first")
        return 1
    missed = []
    print(f"{'bug':26} {'caught by':9} {'seed':>6}  how")
    for mutant in mutants():
        if options.only and mutant != options.only:
            continue
        found = find(program, mutant, options.seeds)
        if found:
            print(f"{mutant:26} {found[1]:9} {found[0]:6}  {found[2][:100]}", flush=True)
            continue
        failed = fails_with(options.build, mutant)
        if failed:
            print(f"{mutant:26} unit test      -  {failed[1][:100]}", flush=True)
        else:
            missed.append(mutant)
            print(f"{mutant:26} MISSED after {options.seeds} seeds", flush=True)
    if missed:
        print("not caught: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
