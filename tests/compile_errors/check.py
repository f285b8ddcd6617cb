#!/usr/bin/env python3
"""Whether a mistake of an app's author is answered in words: each sample here that begins with
"// says: SENTENCE" must not compile, and the compiler's first error must hold the sentence; one
without it must compile.

    python3 check.py SAMPLE.cpp COMPILER [OPTIONS...]
"""
import pathlib
import re
import subprocess
import sys

SAYS = "// says: "
SECONDS = 200


def main():
    sample, *command = sys.argv[1:]
    first = pathlib.Path(sample).read_text(encoding="utf-8").splitlines()[0]
    done = subprocess.run([*command, "-fsyntax-only", sample], text=True, timeout=SECONDS,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if not first.startswith(SAYS):
        if done.returncode != 0:
            sys.exit(f"{sample} must compile:\n{done.stdout}")
        return
    wanted = first[len(SAYS):]
    if done.returncode == 0:
        sys.exit(f"{sample} compiles, but must not: {wanted}")
    errors = re.findall(r"^.*\berror: (.*)$", done.stdout, re.MULTILINE)
    print(errors[0] if errors else done.stdout)
    if not errors or wanted not in errors[0]:
        sys.exit(f"{sample}: the first error is not '{wanted}':\n{done.stdout[:4000]}")


if __name__ == "__main__":
    main()
