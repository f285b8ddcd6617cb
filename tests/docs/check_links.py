#!/usr/bin/env python3
"""Fails on what a document names and the project does not have.

Looks at every .md file and reports, as file:line:
  - a relative link whose file, or whose heading after the '#', does not exist;
  - a path in `backticks` that does not exist: whatever begins with a top folder, ends in '/', or
    ends like a source file. A '*' must match something; 'file.hpp:12' means the file. A bare file
    name may lie anywhere;
  - a C++ name in `backticks` with '::' in it of which some part is in no source file;
  - an `omma` command or option, or a `./run` command, that the program does not know;
  - a block marked <!-- from PATH --> that is not word for word in that file.

A word with $, <, > or { in it, an absolute path, and anything under build/ is taken for an example.

    python3 tests/docs/check_links.py            # the whole project
    python3 tests/docs/check_links.py README.md  # these only
"""

import glob
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SKIPPED_FOLDERS = {"build", ".git", ".cache", ".venv", "__pycache__"}
SOURCES = (".hpp", ".cpp", ".cu", ".capnp", ".cmake", ".py", ".md")
CODE = (".hpp", ".cpp", ".cu", ".capnp", ".txt", ".cmake")
FOREIGN_NAMES = ("std", "kj", "capnp", "caf", "torch", "c10", "CAF", "CLI", "Catch2")

LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")
INLINE_CODE = re.compile(r"`([^`]+)`")
PATH = re.compile(r"\.{0,2}/?[\w.*-]+(?:/[\w.*-]+)*/?")
FROM = re.compile(r"<!--\s*from\s+(\S+)\s*-->")
COMMAND = re.compile(r"(?:^|[\s;&|(/])omma ([a-z]+)\b([^|;&#]*)")
RUN = re.compile(r"(?:^|[\s;&|(])\./run ([a-z]+)\b")
OPTION = re.compile(r"(?<!\S)--([a-z][a-z-]*)")


def project_files():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def slug(heading):
    """A heading's anchor, as the usual renderers make it."""
    text = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


class Project:
    def __init__(self):
        self.files = list(project_files())
        self.base_names = {os.path.basename(path) for path in self.files}
        self.top = {entry for entry in os.listdir(ROOT) if entry not in SKIPPED_FOLDERS}
        self.words = set()
        for path in self.files:
            if path.endswith(CODE):
                prose = r'"[^"\n]*"|//.*' if path.endswith((".hpp", ".cpp", ".cu")) else r"#.*"
                self.words.update(re.findall(r"[A-Za-z_]\w*", re.sub(prose, "", read(path))))
        main = read("apps/omma/main.cpp")
        self.commands = set(re.findall(r'add_subcommand\("([a-z]+)"', main))
        self.options = set(re.findall(r'"--([a-z-]+)"', main)) | {"help"}
        for path in self.files:
            if re.match(r"(apps|runtime/node)/.*\.cpp$", path):
                named = r'(?:text|number|each)\("([a-z-]+)"|\{"([a-z-]+)",'
                for found in re.findall(named, read(path)):
                    self.options.update(name for name in found if name)
        self.run = read("run") if os.path.isfile(os.path.join(ROOT, "run")) else None

    def exists(self, path, folder):
        for base in (ROOT, os.path.join(ROOT, folder)):
            whole = os.path.join(base, path)
            if os.path.exists(whole) or ("*" in path and glob.glob(whole)):
                return True
        return False


class Document:
    def __init__(self, project, path):
        self.project = project
        self.path = path
        self.folder = os.path.dirname(path)
        self.text = read(path)
        self.problems = []

    def report(self, line, what):
        self.problems.append(f"{self.path}:{line}: {what}")

    def check(self):
        fence = None  # Of the block that is open: (its first line, its marked source).
        block = []
        source = None
        for number, line in enumerate(self.text.split("\n"), start=1):
            if line.lstrip().startswith("```"):
                if fence is None:
                    fence = (number, source)
                    block = []
                else:
                    self.check_quotation(fence, block)
                    fence = None
                source = None
                continue
            if fence is not None:
                block.append(line)
                self.check_commands(number, line)
                continue
            if line.startswith("    "):  # A block by indentation.
                self.check_commands(number, line)
            marked = FROM.search(line)
            if marked:
                source = marked.group(1)
            for target in LINK.findall(line):
                self.check_link(number, target)
            for code in INLINE_CODE.findall(line):
                self.check_commands(number, code)
                self.check_code(number, code)
        if fence is not None:
            self.report(fence[0], "a block that does not end")
        return self.problems

    def check_link(self, number, target):
        if re.match(r"[a-z]+:", target):
            return
        path, _, anchor = target.partition("#")
        whole = os.path.normpath(os.path.join(self.folder, path)) if path else self.path
        if not os.path.exists(os.path.join(ROOT, whole)):
            return self.report(number, f"link to '{target}': no such file")
        if anchor and whole.endswith(".md"):
            headings = re.findall(r"^#+ (.+)$", read(whole), re.MULTILINE)
            if anchor not in {slug(heading) for heading in headings}:
                self.report(number, f"link to '{target}': no such heading in {whole}")

    def check_code(self, number, code):
        if re.search(r"[$<>{}]", code):
            return
        for word in code.split():
            word = re.sub(r":\d+$", "", word.strip(",;()"))
            if "::" in word:
                self.check_name(number, word)
            elif PATH.fullmatch(word):
                self.check_path(number, word)

    def check_path(self, number, word):
        first = word.split("/")[0]
        if word.startswith("/") or first == "build" or word in (".", "..", "/"):
            return
        looks_like_path = word.endswith(SOURCES) or (
            "/" in word and (first in self.project.top or first in (".", "..") or word[-1] == "/"))
        if not looks_like_path:
            return
        if "/" not in word and word in self.project.base_names:
            return
        if not self.project.exists(word, self.folder):
            self.report(number, f"'{word}': no such file or folder")

    def check_name(self, number, word):
        parts = re.findall(r"[A-Za-z_]\w*", word)
        if parts and parts[0] in FOREIGN_NAMES:
            return
        for part in parts:
            if part not in self.project.words:
                self.report(number, f"'{word}': '{part}' is in no source file")

    def check_commands(self, number, line):
        for name in RUN.findall(line):
            if self.project.run is None:
                self.report(number, f"'./run {name}': there is no ./run")
            elif not re.search(rf"\b{name}\b", self.project.run):
                self.report(number, f"'./run {name}': ./run does not know '{name}'")
        for name, rest in COMMAND.findall(line):
            if name not in self.project.commands:
                self.report(number, f"'omma {name}': no such command in apps/omma/main.cpp")
                continue
            for option in OPTION.findall(rest):
                if option not in self.project.options:
                    self.report(number, f"'omma {name} --{option}': no such option")

    def check_quotation(self, fence, block):
        number, source = fence
        if source is None:
            return
        if not os.path.isfile(os.path.join(ROOT, source)):
            return self.report(number, f"quoted from '{source}': no such file")
        if "\n".join(block).strip("\n") not in read(source):
            self.report(number, f"not word for word in {source} any more")


def main(arguments):
    project = Project()
    paths = [os.path.relpath(os.path.abspath(path), ROOT) for path in arguments]
    documents = paths or [path for path in project.files if path.endswith(".md")]
    problems = []
    for path in documents:
        problems += Document(project, path).check()
    for problem in problems:
        print(problem)
    print(f"{len(documents)} documents, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
