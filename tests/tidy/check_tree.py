#!/usr/bin/env python3
"""Fails on what the form of the project does not allow, as file:line: what is wrong.

Looks at every file that git tracks or would track, and reports
  - an #include that points up: apps -> actors -> runtime -> kernels, and inside runtime
    node -> {placement, cell, directory, link, media, model, observe} -> protocol -> base, where
    those in braces do not see each other; schemas are seen by all but kernels;
  - a library outside its door: LibTorch only in runtime/model, FFmpeg only in runtime/media, and so
    on as DOORS says; the tests of a folder may use what the folder may;
  - a header of a library that is not in its CMakeLists.txt, has no '#pragma once' or no opening
    comment; a header that is named there in a comment only is the folder's own;
  - a source file of more than 450 lines (more than 400: a warning) or a line of more than 100
    columns;
  - a file or folder named for nothing in particular, a note to do something later, a path of
    somebody's machine, and test data beside the checkout anywhere but as a default.

    python3 tests/tidy/check_tree.py        # this project
    python3 tests/tidy/check_tree.py ROOT   # another checkout
"""

import os
import re
import subprocess
import sys

LINES_MAX = 450
LINES_WARN = 400
COLUMNS_MAX = 100

CPP = (".hpp", ".cpp", ".cu")
TEXT = CPP + (".capnp", ".cmake", ".txt", ".py", ".sh", ".yaml", ".yml")

# What the includes of a folder may name besides the folder itself; 'kernels' is below all.
PARTS = ("placement", "cell", "directory", "link", "media", "model", "observe")
BELOW = {"kernels": (), "schemas": (), "runtime/base": ("schemas", "kernels")}
BELOW["runtime/protocol"] = ("runtime/base",) + BELOW["runtime/base"]
BELOW["runtime/content"] = ("runtime/base",) + BELOW["runtime/base"]
for _part in PARTS:
    BELOW[f"runtime/{_part}"] = ("runtime/protocol",) + BELOW["runtime/protocol"]
BELOW["runtime/model"] += ("runtime/content",)
BELOW["runtime/node"] = tuple(f"runtime/{p}" for p in PARTS) + BELOW["runtime/model"]
# The built-in actors are actors of any node: they see no node.
BELOW["actors"] = tuple(f"runtime/{p}" for p in PARTS) + BELOW["runtime/model"]
# A cluster in virtual time: what runs a node, as an app does, and no actors of its own.
BELOW["runtime/testkit"] = ("runtime/node",) + BELOW["actors"]
_UNDER_APPS = ("actors", "runtime/node", "runtime/testkit") + BELOW["actors"]
BELOW["apps"] = ("omma",) + _UNDER_APPS
# The command holds every app; an app does not know the others.
BELOW["apps/omma"] = ("apps", "omma") + _UNDER_APPS
# The door for whoever writes apps opens to all of it.
BELOW["omma"] = _UNDER_APPS
# What `omma new` writes is no part of the project.
ELSEWHERE = "apps/omma/new_app/"
# What measures the product may borrow from its tests.
BELOW["tools"] = ("apps", "tests") + _UNDER_APPS
OURS = ("kernels", "schemas", "runtime", "actors", "apps", "omma", "tools", "tests")

# (what an include looks like, the library, where it may be; tests/ is put before them as well)
DOORS = [
    (r"(torch|c10|ATen|caffe2)/", "LibTorch", ("runtime/model/",)),
    (r"lib(av|sw)\w+/", "FFmpeg", ("runtime/media/",)),
    (r"(kj/(async|timer)|kj/compat/|capnp/(rpc|ez-rpc|capability))", "kj-async, TLS and RPC",
     ("runtime/link/", "tools/bench/", "fuzz/")),
    (r"caf/", "CAF", ("runtime/cell/", "runtime/node/", "support/", "tools/bench/")),
    (r"sqlite3", "SQLite", ("runtime/directory/",)),
    (r"spdlog/", "spdlog", ("runtime/observe/",)),
    (r"(cuda|cu[a-z]+_v2|cublas|cudnn|npp|nvjpeg)", "CUDA", ("kernels/cuda",)),
    (r"yaml-cpp/", "yaml-cpp", ("runtime/placement/",)),
    (r"openssl/", "OpenSSL", ("runtime/base/hash.cpp",)),
]

INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
EMPTY_NAMES = {"utils", "util", "common", "misc", "helpers", "helper", "manager", "managers"}
# Written so that they do not find themselves.
LATER = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b")
MACHINE = re.compile(r"(?<![\w.$}*-])/(?:work/|root\b|tmp/w\b)")
BESIDE = re.compile(r"\.\./shared\b")
DEFAULT = re.compile(r"default|CACHE PATH|:-|:=", re.IGNORECASE)


def layer_of(path):
    """The longest folder that BELOW knows."""
    parts = path.split("/")[:-1]
    for length in (2, 1):
        folder = "/".join(parts[:length])
        if len(parts) >= length and folder in BELOW:
            return folder
    return parts[0] if parts else ""


def app_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "apps" and len(parts) > 2 else None


class Tree:
    def __init__(self, root):
        self.root = root
        self.problems = []
        self.warnings = []
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode().split("\0")
        self.texts = {}
        self.paths = sorted(p for p in set(listed) if p and os.path.isfile(os.path.join(root, p)))
        for path in self.paths:
            try:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    self.texts[path] = file.read().splitlines()
            except UnicodeDecodeError:
                pass  # A picture, a model: only its name is looked at.
        self.public = set()
        self.private = set()
        for path, lines in self.texts.items():
            if os.path.basename(path) == "CMakeLists.txt":
                self.read_cmake(os.path.dirname(path), lines)

    def read_cmake(self, folder, lines):
        for line in lines:
            code, _, comment = line.partition("#")
            for name in re.findall(r"[\w/.-]+\.hpp\b", code):
                self.public.add(os.path.normpath(os.path.join(folder, name)))
            for name in re.findall(r"[\w/]+\.hpp\b", comment):
                self.private.add(os.path.normpath(os.path.join(folder, name)))

    def report(self, path, line, what):
        self.problems.append(f"{path}:{line}: {what}")

    def check(self):
        for path in self.paths:
            self.check_name(path)
        for path, lines in self.texts.items():
            self.check_words(path, lines)
            if path.endswith(TEXT) or lines[:1] and lines[0].startswith("#!"):
                self.check_columns(path, lines)
            if path.endswith(CPP):
                self.check_length(path, lines)
                if not path.startswith(ELSEWHERE):
                    self.check_includes(path, lines)
            if path.endswith(".hpp"):
                self.check_header(path, lines)

    def check_name(self, path):
        for part in path.split("/"):
            empty = EMPTY_NAMES.intersection(re.split(r"[_.-]", part.lower()))
            if empty:
                self.report(path, 1, f"'{empty.pop()}' says nothing: name it by what it holds")

    def check_words(self, path, lines):
        for number, line in enumerate(lines, 1):
            for found in LATER.finditer(line):
                self.report(path, number, f"'{found.group()}': do it, or write an issue")
            for found in MACHINE.finditer(line):
                self.report(path, number, f"'{found.group()}' is a path of one machine")
            if BESIDE.search(line) and not path.startswith(("tests/", "docs/")):
                if not DEFAULT.search(line):
                    self.report(path, number, "test data beside the checkout is for tests, and "
                                "elsewhere no more than the default of a variable")

    def check_columns(self, path, lines):
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                self.report(path, number, f"{len(line)} columns, limit {COLUMNS_MAX}")

    def check_length(self, path, lines):
        if len(lines) > LINES_MAX:
            self.report(path, len(lines), f"{len(lines)} lines, limit {LINES_MAX}: split it")
        elif len(lines) > LINES_WARN:
            self.warnings.append(f"{path}:{len(lines)}: warning: {len(lines)} lines, "
                                 f"{LINES_WARN} wanted")

    def check_includes(self, path, lines):
        for number, line in enumerate(lines, 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            name = found.group(1)
            if name.split("/")[0] in OURS:
                self.check_layer(path, number, name)
            elif line.count('"') == 2 and "/" not in name:
                self.report(path, number, f"'{name}': includes of ours begin at the root")
            for pattern, library, doors in DOORS:
                allowed = doors + tuple("tests/" + door for door in doors)
                # tests/kernels/cuda_test.cpp stands for a folder of one file.
                if re.match(pattern, name) and not path.startswith(allowed):
                    self.report(path, number, f"{library} ('{name}') is used only in {doors[0]}")

    def check_layer(self, path, number, name):
        if path.startswith("tests/"):
            return
        own, other = layer_of(path), layer_of(name)
        if app_of(path) and app_of(name) and own == "apps":
            if app_of(path) != app_of(name):
                self.report(path, number, f"'{name}': an app does not see another")
        elif other != own and other not in BELOW.get(own, ()):
            self.report(path, number, f"'{name}' points up or aside: {own} sees only "
                        f"{', '.join(BELOW.get(own, ())) or 'itself'}")
        elsewhere = os.path.dirname(name) != os.path.dirname(path)
        if name in self.private and name not in self.public and elsewhere:
            self.report(path, number, f"'{name}' is its folder's own: its CMakeLists.txt does not "
                        "list it")

    def check_header(self, path, lines):
        if not lines or not lines[0].startswith("//"):
            self.report(path, 1, "a header opens with a comment: what it is for, and its one idea")
        if "#pragma once" not in lines:
            self.report(path, 1, "no '#pragma once'")
        if path.startswith("tests/") or path in self.public or path in self.private:
            return
        self.report(path, 1, "its CMakeLists.txt neither lists it nor names it, in a comment, as "
                    "the folder's own")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", ".."))
    tree.check()
    for line in tree.warnings + tree.problems:
        print(line)
    print(f"{len(tree.paths)} files, {len(tree.problems)} problems", file=sys.stderr)
    return 1 if tree.problems else 0


if __name__ == "__main__":
    sys.exit(main())
