#!/usr/bin/env python3
"""Plants one bug after another in the real code and demands that the simulation, or else a unit
test, finds each.

Needs a build with -DOMMA_MUTANTS=ON, in which every bug is there but sleeps. Without a bug no seed
may break and no test fail; with one, some must. Prints a table: bug, caught by, seeds needed.

    python3 tests/mutants/run.py BUILD_FOLDER [--seeds N] [--table FILE]
"""

import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
UNIT_TESTS = ("tests/runtime/cell/runtime_cell_cell_move_test",
              "tests/runtime/protocol/runtime_protocol_outbox_recovery_test",
              "tests/runtime/node/runtime_node_switchboard_test")


def mutants():
    with open(os.path.join(ROOT, "runtime", "base", "mutants.hpp"), encoding="utf-8") as file:
        listed = re.search(r"names\{(.*?)\}", file.read(), re.DOTALL)
    return re.findall(r'"(\w+)"', listed.group(1))


def run(program, mutant, seeds):
    """The first broken seed and what broke; none if nothing did."""
    command = [program, "--seeds", str(seeds), "--failures", "1"]
    if mutant:
        command += ["--mutant", mutant]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        sys.exit(done.stderr.strip() + "; configure with -DOMMA_MUTANTS=ON")
    broken = re.search(r"seed (\d+) BROKEN (\w+): (.*)", done.stdout)
    if broken:
        return broken.group(1), broken.group(2), broken.group(3)
    if done.returncode not in (0, 1):  # A check in the code itself.
        return "-", "check", (done.stderr.strip().splitlines() or ["it aborted"])[0]
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


def line_of(mutant, caught_by, seed, how):
    return f"{mutant:26} {caught_by:9} {seed:>6}  {how[:100]}"


def find(build, program, mutant, seeds):
    """The table's line, and whether something caught it."""
    found = run(program, mutant, seeds)
    if found:
        seed, caught_by, how = found
        return line_of(mutant, caught_by, seed, how), True
    failed = fails_with(build, mutant)
    if failed:
        return line_of(mutant, "unit test", "-", failed[1]), True
    return line_of(mutant, "MISSED", "-", f"{seeds} seeds"), False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--seeds", type=int, default=1000, help="at most, for each bug")
    parser.add_argument("--only", help="this bug")
    parser.add_argument("--table", help="write the table to this file as well")
    options = parser.parse_args()
    program = os.path.join(options.build, "omma-sim")
    healthy = run(program, None, 100)
    if healthy:
        print(f"without a bug, seed {healthy[0]} breaks {healthy[1]}: {healthy[2]}")
        return 1
    if fails_with(options.build, None):
        print("a unit test fails without a bug; see to that first")
        return 1
    names = [options.only] if options.only else mutants()
    missed = []
    lines = [line_of("bug", "caught by", "seed", "how")]
    print(lines[0])
    for mutant in names:
        line, caught = find(options.build, program, mutant, options.seeds)
        print(line, flush=True)
        lines.append(line)
        if not caught:
            missed.append(mutant)
    if options.table:
        with open(options.table, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    if missed:
        print("not caught: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
