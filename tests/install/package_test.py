#!/usr/bin/env python3
"""Builds the Debian package of a build, unpacks it under a fresh root, and runs hello from there.
Skipped (77) where Debian's tools are absent.

    python3 tests/install/package_test.py BUILD_FOLDER [--keep FOLDER]
"""
import argparse
import pathlib
import shutil
import sys

from scratch import Scratch, expect

TOOLS = ("cpack", "dpkg-deb", "dpkg-shlibdeps")
CLUSTER = """\
cluster: packaged
head: box
models: ["{root}/usr/share/omma/models"]
nodes:
  - name: box
    listen: unix:${{run_dir}}/box.sock
    roles: [head, camera, cloud]
    data: ${{run_dir}}/box
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="copy the package there")
    options = parser.parse_args()
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        print(f"SKIPPED: {', '.join(absent)} is absent; Debian's dpkg-dev and cmake have them")
        return 77
    scratch = Scratch()
    try:
        scratch.run("cpack", "-G", "DEB", "-B", scratch.folder / "packages",
                    "--config", options.build / "CPackConfig.cmake")
        packages = list((scratch.folder / "packages").glob("omma_*.deb"))
        expect(len(packages) == 1, f"one package: {packages}")
        control = scratch.run("dpkg-deb", "--field", packages[0])
        for library in ("libcaf-core", "libcapnp", "libtorch", "libavcodec", "libsqlite3-0"):
            expect(library in control, f"it depends on {library}:\n{control}")
        root = scratch.folder / "root"
        scratch.run("dpkg-deb", "--extract", packages[0], root)
        omma = root / "usr/bin/omma"
        cluster = scratch.folder / "cluster.yaml"
        cluster.write_text(CLUSTER.format(root=root))
        with scratch.cluster(omma, cluster):
            rows = scratch.rows_of(omma, "hello")
            expect(len(rows) == 4, f"three greetings and a goodbye: {rows}")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(packages[0], options.keep)
        print(f"{packages[0].name}: {packages[0].stat().st_size} bytes\n{control}")
    finally:
        scratch.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
