"""What runs on the cluster while it suffers, and whether it came through: chains of numbers and
people counted over synthetic cameras. An observer outside reads each session's rows."""
import collections
import concurrent.futures
import json
import time

# Numbers are given out in this share of the troubled time; the rest is for catching up.
SHARE_OF_TIME = 0.7


class Load:
    def __init__(self, cluster, seconds, chains, relays, period_ms, cameras):
        self.cluster, self.relays, self.period_ms = cluster, relays, period_ms
        self.numbers = max(10, int(seconds * SHARE_OF_TIME * 1000 / period_ms))
        self.chains = [f"chain-{i}" for i in range(chains)]
        self.people = {f"people-{camera['name']}": camera for camera in cameras}
        self.not_drained, self.wrong_rows = [], []
        self.rows = collections.Counter()

    @property
    def sessions(self):
        return self.chains + list(self.people)

    def start(self):
        for session in self.chains:
            self._run("numbers", session, "--name", session, "--relays", self.relays,
                      "--period-ms", self.period_ms, "--numbers", self.numbers)
        for session, camera in self.people.items():
            self._run("people_count", session, "--camera", camera["name"],
                      "--line", "middle=160,0:160,240")

    def _run(self, app, session, *parameters):
        begun = self.cluster.omma("run", app, "--session", session, "--detach", "--json",
                                  *map(str, parameters))
        if begun.returncode != 0:
            raise RuntimeError(f"{app} does not start: {begun.stdout}{begun.stderr}")

    def collect(self, patience_s):
        """Reads every session to its end, all of them within this time."""
        until = time.monotonic() + patience_s
        files = {session: self.cluster.folder / f"{session}.rows" for session in self.sessions}
        with concurrent.futures.ThreadPoolExecutor(len(files)) as readers:
            ended = dict(zip(files, readers.map(lambda item: self._follow(*item, until),
                                                files.items())))
        for session, file in files.items():
            rows = ([json.loads(line) for line in file.read_text().splitlines()]
                    if file.exists() else [])
            self.rows[session] = len(rows)
            if session in self.people:
                self._check_people(session, rows, ended[session])
            else:
                self._check_numbers(session, rows, ended[session])

    def _follow(self, session, file, until):
        while True:
            patience = max(1.0, until - time.monotonic())
            followed = self.cluster.omma("query", session, "--out", str(file), "--json",
                                         patience_s=patience)
            if followed.returncode in (0, 4):
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(0.5)

    def _check_numbers(self, session, rows, ended):
        awaited = [1] * self.relays
        for row in rows:
            if row["kind"] == "end":
                continue
            relay, value = row["relay"], row["value"]
            if row["kind"] != "number" or value != awaited[relay]:
                self.wrong_rows.append(f"{session}, cursor {row['cursor']}: {row['kind']} {value} "
                                       f"of relay {relay}, the observer awaited {awaited[relay]}, "
                                       f"the tally {row['awaited']}")
                if len(self.wrong_rows) > 20:
                    return
            awaited[relay] = value + 1
        cursors = [row["cursor"] for row in rows]
        if cursors != list(range(1, len(rows) + 1)):
            self.wrong_rows.append(f"{session}: cursors are not 1, 2, 3, ...")
        if not ended or any(number != self.numbers + 1 for number in awaited):
            self.not_drained.append(f"{session}: {[number - 1 for number in awaited]} of "
                                    f"{self.numbers} numbers came through"
                                    f"{'' if ended else ', and no end'}")

    def _check_people(self, session, rows, ended):
        camera = self.people[session]
        frames = [row["frame"] for row in rows if row["kind"] == "frame"]
        if not ended:
            self.not_drained.append(f"{session}: no end, {len(frames)} of {camera['frames']} "
                                    "frames")
            return
        if frames != sorted(set(frames)):
            self.wrong_rows.append(f"{session}: frames repeated or out of order")
        if camera["durable"] and frames != list(range(camera["frames"])):
            self.wrong_rows.append(f"{session}: {len(frames)} of {camera['frames']} frames counted")

    # --- What stands where, once all is quiet -----------------------------------------------------

    def hosts(self, processes):
        return [{"id": actor["id"], "node": node["node"], "epoch": actor["epoch"],
                 "life": actor["life"], "type": actor["type"]}
                for node in processes for actor in node.get("actors", [])]
