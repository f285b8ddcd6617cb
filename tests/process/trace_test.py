"""Where the time goes, on real processes: `omma trace` over nodes and over a move, its export, and
the metrics that each node serves."""
import json
import pathlib
import re
import socket
import subprocess
import unittest
import urllib.request

from omma_process import CLIP_FRAMES, DOOR, SOURCE, ProcessTest

STAGES = {"camera", "stream_router", "model_shard", "tracker", "people_counter", "query_session"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TraceTest(ProcessTest):

    def up_traced(self, trace="on", paced=False):
        """The demo's cluster, with metrics on every node."""
        self.cut_clips()
        text = (SOURCE / "clusters/demo.yaml").read_text()
        text = re.sub(r"(?m)^trace: on.*$", f"trace: {trace}", text)
        text = text.replace("${cluster_dir}/../models", str(SOURCE / "models"))
        if paced:
            text = text.replace("as_fast_as_possible", "by_timestamps")
        self.ports = {}

        def with_metrics(match):
            self.ports[match.group(2)] = free_port()
            return f"{match.group(0)}\n    metrics: 127.0.0.1:{self.ports[match.group(2)]}"

        text = re.sub(r"(  - name: )([\w-]+)(?=\n    listen)", with_metrics, text)
        self.assertEqual(set(self.ports), {"cloud", "cam-east", "cam-west"})
        return self.up(self.cluster_file(text), "--set", f"data_dir={self.folder}")

    def count_people(self):
        return self.succeed("run", "people_count", "--camera", "east", "--line", DOOR, "--quiet",
                            "--json", seconds=300)

    def trace(self, *words):
        return json.loads(self.succeed("trace", *words, "--json").out)

    def metrics(self, node):
        url = f"http://127.0.0.1:{self.ports[node]}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            self.assertEqual(answer.headers["Content-Type"],
                             "text/plain; version=0.0.4; charset=utf-8")
            return answer.read().decode()

    def samples(self, text, name):
        found = re.findall(rf"^{name}(\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def tracker_works(self):
        nodes = json.loads(self.succeed("ps", "--json").out)
        return any(actor["type"] == "tracker" and actor["turns"] > 5
                   for node in nodes for actor in node.get("actors", []))

    # --- Tests ------------------------------------------------------------------------------------

    def test_a_frame_is_traced_over_nodes_and_exported(self):
        self.up_traced()
        self.count_people()
        for number in (0, CLIP_FRAMES // 2, CLIP_FRAMES - 1):
            (frame,) = self.trace(f"east/{number}")
            self.assertEqual(frame["frame"], f"east/{number}")
            self.assertEqual(frame["missing_nodes"], [])
            hops = frame["hops"]
            stages = {hop["actor"].split("/")[0] for hop in hops}
            self.assertTrue(STAGES <= stages <= STAGES | {"gateway"}, frame)
            by_stage = {hop["actor"].split("/")[0]: hop for hop in hops}
            self.assertEqual(by_stage["camera"]["node"], "cam-east")
            self.assertEqual(by_stage["model_shard"]["node"], "cloud")
            self.assertIsNone(by_stage["camera"]["from"])
            self.assertGreater(by_stage["camera"]["compute_ms"], 0)  # It was decoded.
            self.assertGreater(by_stage["model_shard"]["compute_ms"], 1)
            self.assertGreater(by_stage["model_shard"]["bytes"], 100_000)
            for hop in hops:
                if hop["from"] is not None:
                    self.assertIsNotNone(hop["wire_ms"], hop)
                    self.assertGreaterEqual(hop["wire_ms"], 0)
                for part in ("credit_ms", "queue_ms", "compute_ms"):
                    self.assertGreaterEqual(hop[part], 0, hop)
                self.assertLessEqual(hop["after_ms"], frame["total_ms"])
            self.assertGreater(by_stage["model_shard"]["wire_ms"], 0)
            # One machine has one steady clock, so the estimates' bounds are all the error there is.
            self.assertEqual(frame["nodes_without_clock"], [])
            self.assertLess(frame["clock_error_ms"]["cam-east"], 1000)
            self.assertEqual(frame["clock_error_ms"]["cloud"], 0)

        slow = self.trace("--slowest", 3, "--export", self.folder / "slow.json")
        self.assertEqual(len(slow), 3)
        totals = [frame["total_ms"] for frame in slow]
        self.assertEqual(totals, sorted(totals, reverse=True))
        events = json.loads(pathlib.Path(self.folder / "slow.json").read_text())["traceEvents"]
        named = {event["args"]["name"] for event in events if event["ph"] == "M"}
        self.assertTrue({"cloud", "cam-east"} <= named, named)
        for event in events:
            self.assertIn(event["ph"], {"M", "X", "b", "e", "s", "f"})
        text = self.succeed("trace", "east/5").out
        self.assertIn("model_shard/", text)
        self.assertIn("clocks against the head's, at worst:", text)

    def test_a_moved_actors_hops_show_both_nodes(self):
        self.up_traced(paced=True)
        run = self.start("run", "people_count", "--camera", "east", "--line", DOOR, "--quiet",
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.wait_for("the tracker is at work", self.tracker_works)
            self.succeed("move", "tracker/east", "cam-west")
            run.communicate(timeout=300)
        finally:
            run.kill()
            run.communicate()
        self.assertEqual(run.returncode, 0)
        nodes = set()
        for frame in self.trace("--slowest", CLIP_FRAMES):
            nodes.update(hop["node"] for hop in frame["hops"]
                         if hop["actor"].startswith("tracker/"))
        self.assertEqual(nodes, {"cloud", "cam-west"})

    def test_what_cannot_be_traced_is_an_error_that_says_so(self):
        self.up_traced()
        self.refuse(2, "trace", says="--slowest")
        self.refuse(2, "trace", "east", says="CAMERA/NUMBER")
        self.refuse(2, "trace", "east/x", says="CAMERA/NUMBER")
        self.refuse(2, "trace", "--slowest", "1000", says="limit 100")
        self.refuse(1, "trace", "east/12345", says="no node remembers")
        self.refuse(1, "trace", "--slowest", says="no node remembers a frame")

    def test_tracing_can_be_off(self):
        self.up_traced(trace="off")
        self.count_people()
        self.refuse(1, "trace", "--slowest", says="trace: off")
        page = self.metrics("cloud")
        self.assertIn("# TYPE omma_trace_hops_total counter", page)
        self.assertEqual(self.samples(page, "omma_trace_hops_total"), {})

    def test_each_node_serves_its_numbers(self):
        self.up_traced()
        self.count_people()
        cloud, east = self.metrics("cloud"), self.metrics("cam-east")
        captured = self.samples(east, "omma_frames_captured_total")
        self.assertEqual(captured, {'{camera="east"}': CLIP_FRAMES})
        delivered = self.samples(cloud, "omma_frames_delivered_total")
        self.assertEqual(delivered['{camera="east",type="people_counter"}'], CLIP_FRAMES)
        batches = self.samples(cloud, "omma_batch_frames_sum")
        self.assertEqual(sum(batches.values()), CLIP_FRAMES)
        turns = self.samples(cloud, "omma_turn_seconds_count")
        self.assertGreaterEqual(turns['{type="tracker"}'], CLIP_FRAMES)
        sent = self.samples(east, "omma_link_sent_bytes_total")
        self.assertGreater(sent['{peer="cloud"}'], CLIP_FRAMES * 100_000)
        self.assertGreater(self.samples(cloud, "omma_directory_commits_total")[""], 0)
        self.assertEqual(self.samples(east, "omma_directory_commits_total"), {})
        self.assertGreater(self.samples(east, "omma_lease_remaining_seconds")[""], 0)
        self.assertLess(abs(self.samples(east, "omma_clock_head_ahead_seconds")[""]),
                        self.samples(east, "omma_clock_error_seconds")[""] + 1e-6)
        memory = self.samples(cloud, "omma_resident_memory_bytes")[""]
        self.assertTrue(10e6 < memory < 4e9, memory)
        # Again: counters do not fall.
        again = self.metrics("cloud")
        for name in set(re.findall(r"^(omma_\w+_total)", cloud, re.MULTILINE)):
            before, after = self.samples(cloud, name), self.samples(again, name)
            for labels, value in before.items():
                self.assertGreaterEqual(after.get(labels, 0), value, f"{name}{labels}")


if __name__ == "__main__":
    unittest.main()
