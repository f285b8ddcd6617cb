"""omma doctor on this machine: what is wrong is found, named, and said how to mend."""
import json
import os
import pathlib
import socket
import unittest

from omma_process import SOURCE, ProcessTest

OK, FAILED = 0, 1

CLUSTER = """\
cluster: doctors
head: box
models: ["{models}"]
nodes:
  - name: box
    listen: {listen}
    roles: [head, camera, cloud]
    data: {data}
cameras:
  - name: east
    node: box
    source: {source}
    mode: every_frame
"""


class DoctorTest(ProcessTest):
    def file(self, **words):
        default = {"models": SOURCE / "models", "listen": "unix:${run_dir}/box.sock",
                   "data": self.folder / "box", "source": "synthetic:people=2"}
        return self.cluster_file(CLUSTER.format(**{**default, **words}))

    def findings(self, code, *words):
        """By topic; the exit code must follow from what failed."""
        outcome = self.omma("doctor", *words, "--json")
        self.assertEqual(outcome.code, code, outcome)
        report = json.loads(outcome.out)
        failed = [one for one in report["findings"] if one["state"] == "failed"]
        self.assertEqual(report["failed"], len(failed), outcome)
        self.assertEqual(code == FAILED, bool(failed), outcome)
        for one in failed:
            self.assertTrue(one["remedy"], one)
        return {one["topic"]: one for one in report["findings"]}

    def test_a_machine_that_builds_omma_is_fit_for_it(self):
        findings = self.findings(OK)
        for topic in ["LibTorch", "CAF", "Cap'n Proto", "SQLite", "FFmpeg libavcodec",
                      "h264 decoder", "libx264 encoder", "Unix socket", "loopback TCP",
                      "clusters' folder"]:
            self.assertEqual(findings[topic]["state"], "ok", findings[topic])
        self.assertIn("p50", findings["disk commit"]["found"])
        text = self.succeed("doctor").out
        self.assertIn("0 failed", text)
        self.assertIn("LibTorch", text)

    def test_a_good_cluster_file_is_fit_and_its_model_named(self):
        findings = self.findings(OK, "--file", self.file())
        self.assertIn("cluster 'doctors', 1 nodes, 1 cameras", findings["cluster file"]["found"])
        self.assertIn("omma-detector", findings["models"]["found"])
        self.assertIn("is free", findings["address of box"]["found"])

    def test_a_folder_that_is_read_only_is_found(self):
        closed = self.folder / "closed"
        closed.mkdir(mode=0o500)
        # Root writes anywhere but where there is nothing to write to.
        data = pathlib.Path("/proc/omma") if os.geteuid() == 0 else closed / "box"
        findings = self.findings(FAILED, "--file", self.file(data=data))
        self.assertEqual(findings["data of box"]["state"], "failed")
        self.assertIn(str(data.parent), findings["data of box"]["found"])

    def test_a_port_that_somebody_else_has_is_found(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            file = self.file(listen=address)
            found = self.findings(FAILED, "--file", file)["address of box"]
            self.assertEqual(found["state"], "failed")
            self.assertIn(f"{address} is in use by another process", found["found"])
        self.assertEqual(self.findings(OK, "--file", file)["address of box"]["state"], "ok")

    def test_a_running_clusters_own_address_is_no_trouble(self):
        file = self.cluster_file(self.one_node())
        self.up(file)
        found = self.findings(OK, "--file", file)["address of box"]
        self.assertIn("in use by this cluster", found["found"])

    def test_a_wrong_file_a_missing_video_and_a_spoilt_model_are_found(self):
        file = self.file()
        file.write_text(file.read_text() + "colour: red\n")
        findings = self.findings(FAILED, "--file", file)
        self.assertIn("colour", findings["cluster file"]["found"])
        missing = self.findings(FAILED, "--file", self.file(source="${films}/east.mp4"),
                                "--set", f"films={self.folder}")["video of camera east"]
        self.assertIn(f"{self.folder}/east.mp4 cannot be read", missing["found"])
        models = self.folder / "models"
        models.mkdir()
        for name in ["omma-detector.pt", "omma-detector.json"]:
            (models / name).write_bytes((SOURCE / "models" / name).read_bytes())
        with (models / "omma-detector.pt").open("ab") as model:
            model.write(b"more")
        spoilt = self.findings(FAILED, "--file", self.file(models=models))["models"]
        self.assertIn("omma-detector", spoilt["found"])


if __name__ == "__main__":
    unittest.main()
