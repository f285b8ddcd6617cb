#!/usr/bin/env python3
"""Reads what the nodes of a cluster wrote down (README.md: the lines) and proves, as far as it
shows, that no actor was ever two, lost a number, repeated one, or was left hanging.

    check_history.py FOLDER            # FOLDER/*.history, and FOLDER/quiet.json if it is there
    check_history.py FOLDER --json

Exit code 0: nothing found; 1: violations, each with its invariant; 2: not readable.
"""
import argparse
import bisect
import collections
import json
import pathlib
import sys

# What stays frozen or staged this long hangs. The directory's absence is part of it: a move that
# cannot be decided waits for the head.
HANGS_AFTER_S = 60.0

INVARIANTS = {
    "I1": "each stream's numbers go on where they were",
    "I2": "what is acknowledged is in the state that counts",
    "I3": "epochs only grow; one live copy",
    "I5": "when the trouble stops, all arrives",
    "I6": "every freeze is resolved",
    "I7": "nothing hangs",
    "I8": "directory and hosts agree once quiet",
    "I9": "what was sent is delivered or counted",
    "I10": "the ledger's laws hold",
}

Violation = collections.namedtuple("Violation", "invariant text")


class Event:
    """A line of a history, and whose it is."""

    __slots__ = ("t", "kind", "node", "life_of_node", "order", "fields")

    def __init__(self, fields, node, life_of_node, order):
        self.t, self.kind = fields["t"], fields["e"]
        self.node, self.life_of_node, self.order = node, life_of_node, order
        self.fields = fields

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"a line '{self.kind}' without '{name}'") from None

    def __str__(self):
        return f"{self.kind} on {self.node} at {self.t / 1e9:.3f} s"


def read_lines(text):
    """The objects in a file; a process that was killed may have left half a line."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            # Half a line, and behind it what the node's next incarnation wrote.
            begin = line.rfind('{"t":')
            if begin > 0:
                yield json.loads(line[begin:])


def read_histories(folder):
    """All events of all nodes in the order of time; an incarnation's own in the order written."""
    events = []
    for file in sorted(pathlib.Path(folder).glob("*.history")):
        node, incarnation = file.stem, None
        for order, fields in enumerate(read_lines(file.read_text(errors="replace"))):
            if fields["e"] == "started":
                node, incarnation = fields["node"], fields["incarnation"]
            events.append(Event(fields, node, (node, incarnation), order))
    events.sort(key=lambda event: (event.t, event.order))
    return events


def streams_in(event):
    return {(peer, life, channel): processed
            for peer, life, channel, processed in event.fields["in"]}


def streams_out(event):
    return {(peer, life, channel): (acknowledged, last)
            for peer, life, channel, acknowledged, last in event.fields["out"]}


class Checker:
    def __init__(self, events, quiet=None, hangs_after_s=HANGS_AFTER_S):
        self.events = events
        self.quiet = quiet or {}
        self.hangs_after_ns = int(hangs_after_s * 1e9)
        self.violations = []
        self.of_actor = collections.defaultdict(list)
        self.lives = {}  # Actor -> [(begun at, life)], both growing.
        self.stopped = set()  # Incarnations that ended in good order.
        self.last_incarnation = {}  # By node.
        for event in events:
            if event.kind == "started":
                self.last_incarnation[event.node] = event.life_of_node
            if event.kind == "stopped":
                self.stopped.add(event.life_of_node)
            if "id" in event.fields:
                self.of_actor[event.id].append(event)

    def find(self, invariant, text):
        self.violations.append(Violation(invariant, text))

    def run(self):
        for actor, events in self.of_actor.items():
            life, lives = 0, self.lives.setdefault(actor, [])
            for event in events:
                if event.kind == "begun" and event.life > life:
                    life = event.life
                    lives.append((event.t, life))
            self.check_epochs(actor, events)
            self.check_handovers(actor, events)
            self.check_growth(actor, events)
            self.check_freezes(actor, events)
            self.check_staging(actor, events)
        self.check_acknowledged()
        self.check_quiet()
        return self.violations

    # --- I3 ---------------------------------------------------------------------------------------

    def check_epochs(self, actor, events):
        owners = {}  # Epoch -> the event that says who runs it.
        frozen = {}  # (node's incarnation, epoch) -> event.
        for event in events:
            if event.kind == "frozen":
                frozen[event.life_of_node, event.epoch] = event
            if event.kind not in ("begun", "thawed"):
                continue
            before = owners.get(event.epoch)
            if before is not None and before.life_of_node != event.life_of_node:
                self.find("I3", f"{actor}: two owners of epoch {event.epoch}: {before}; {event}")
            owners[event.epoch] = event
        for event in events:
            if event.kind == "thawed":
                self.check_thaw(actor, event, owners)
        self.check_fence(actor, events, owners)

    def check_thaw(self, actor, thawed, owners):
        """It went on although the move had been decided for the target."""
        rival = owners.get(thawed.epoch + 1)
        if rival is None or rival.kind != "begun" or rival.how != "moved":
            return
        frozen = [event for event in self.of_actor[actor]
                  if event.kind == "frozen" and event.epoch == thawed.epoch and
                  event.life_of_node == thawed.life_of_node]
        # A later freeze under this epoch led to that move; an earlier one was thawed from.
        if not any(event.t >= thawed.t for event in frozen):
            self.find("I3", f"{actor}: {thawed} under epoch {thawed.epoch}, but {rival}")

    def check_fence(self, actor, events, owners):
        """A copy that had been succeeded had a checkpoint saved that it sent afterwards."""
        sent = {(event.life_of_node, event.epoch, event.number): event
                for event in events if event.kind == "checkpoint"}
        begun = sorted((event.t, epoch) for epoch, event in owners.items())
        for event in events:
            if event.kind != "kept" or not event.saved:
                continue
            checkpoint = sent.get((event.life_of_node, event.epoch, event.number))
            if checkpoint is None:
                continue
            later = [epoch for t, epoch in begun if t < checkpoint.t and epoch > event.epoch]
            if later:
                self.find("I3", f"{actor}: {checkpoint} of epoch {event.epoch} was saved although "
                                f"epoch {max(later)} had begun")

    # --- I1 ---------------------------------------------------------------------------------------

    def check_handovers(self, actor, events):
        for event in events:
            if event.kind != "begun":
                continue
            if event.how == "moved":
                self.check_move(actor, event, events)
            elif event.how == "taken_over" and event.life != event.epoch:
                self.check_take_over(actor, event, events)
            elif event.fields["in"] or event.fields["out"]:
                self.find("I1", f"{actor}: {event} in a new life, but with streams of an old one")

    def check_move(self, actor, begun, events):
        sources = [event for event in events if event.kind == "frozen" and
                   event.epoch == begun.epoch - 1 and event.to == begun.node and event.t <= begun.t]
        if not sources:
            return self.find("I3", f"{actor}: {begun} by a move to epoch {begun.epoch}, but nobody "
                                   f"had frozen epoch {begun.epoch - 1} for it")
        source = sources[-1]
        if source.life != begun.life:
            self.find("I1", f"{actor}: life {source.life} became {begun.life} in a move")
        self.compare(actor, source, begun)

    def check_take_over(self, actor, begun, events):
        earlier = [event for event in events if event.kind == "checkpoint" and
                   event.life == begun.life and event.epoch < begun.epoch and event.keeps_life]
        saved = {(event.epoch, event.number) for event in events
                 if event.kind == "kept" and event.saved and event.epoch < begun.epoch}
        latest = max(saved & {(event.epoch, event.number) for event in earlier}, default=(0, 0))
        # The answer to a later one may have been lost with its writer.
        possible = [event for event in earlier if (event.epoch, event.number) >= latest]
        numbers = (streams_in(begun), streams_out(begun))
        if latest == (0, 0) and numbers == ({}, {}):
            return  # Nothing was ever saved, so nothing had got out.
        if not any((streams_in(event), streams_out(event)) == numbers for event in possible):
            self.find("I1", f"{actor}: {begun} from numbers that no checkpoint from "
                            f"{latest[0]}/{latest[1]} on has")

    def compare(self, actor, left, right):
        for what, of in (("in", streams_in), ("out", streams_out)):
            before, after = of(left), of(right)
            for stream in sorted(set(before) | set(after), key=str):
                if before.get(stream) != after.get(stream):
                    self.find("I1", f"{actor}: {what} {stream}: {before.get(stream)} at {left}, "
                                    f"{after.get(stream)} at {right}")

    def check_growth(self, actor, events):
        """Within one activation no number goes back."""
        known = {}  # (incarnation, life, direction, stream) -> number.
        for event in events:
            if event.kind not in ("begun", "frozen", "checkpoint"):
                continue
            numbers = {("in", stream): number for stream, number in streams_in(event).items()}
            for stream, (acknowledged, last) in streams_out(event).items():
                numbers["out", stream] = acknowledged
                numbers["last", stream] = last
            for key, number in numbers.items():
                place = (event.life_of_node, event.life) + key
                if event.kind != "begun" and number < known.get(place, 0):
                    self.find("I1", f"{actor}: {key} went back from {known[place]} to {number} at "
                                    f"{event}")
                known[place] = number

    # --- I2 ---------------------------------------------------------------------------------------

    def check_acknowledged(self):
        """What a sender knows as acknowledged, every later copy of the receiver has."""
        known = collections.defaultdict(list)  # (sender, its life, target, ...) -> [(t, number)].
        for event in self.events:
            if event.kind not in ("frozen", "checkpoint"):
                continue
            for (target, life, channel), (acknowledged, _) in streams_out(event).items():
                row = known[event.id, event.life, target, life, channel]
                if not row or acknowledged > row[-1][1]:
                    row.append((event.t, acknowledged))
        by_receiver = collections.defaultdict(list)
        for sender, sender_life, target, life, channel in known:
            by_receiver[target, life].append((sender, sender_life, channel))
        for actor, events in self.of_actor.items():
            highest = 0
            for event in events:
                if event.kind != "begun":
                    continue
                if event.epoch < highest:
                    continue  # Succeeded before it could say so; it counts no more.
                highest = event.epoch
                has = streams_in(event)
                # Of a sender that began anew only its new life's stream is kept.
                lives = {(peer, channel): life for peer, life, channel in has}
                for sender, sender_life, channel in by_receiver[actor, event.life]:
                    if max(lives.get((sender, channel), 0),
                           self.life_of(sender, event.t)) > sender_life:
                        continue
                    row = known[sender, sender_life, actor, event.life, channel]
                    at = bisect.bisect_left(row, (event.t, -1))
                    acknowledged = row[at - 1][1] if at > 0 else 0
                    processed = has.get((sender, sender_life, channel), 0)
                    if processed < acknowledged:
                        self.find("I2", f"{actor}: {event} has {processed} of {channel} from "
                                        f"{sender}, which knows {acknowledged} as acknowledged")

    def life_of(self, actor, t):
        """The latest life that it had begun by then."""
        lives = self.lives.get(actor, [])
        at = bisect.bisect_right(lives, (t, sys.maxsize))
        return lives[at - 1][1] if at > 0 else 0

    # --- I6, I7 -----------------------------------------------------------------------------------

    def check_freezes(self, actor, events):
        open_freezes = {}
        for event in events:
            if event.kind == "frozen":
                open_freezes[event.life_of_node] = event
            elif event.kind in ("thawed", "ended"):
                frozen = open_freezes.pop(event.life_of_node, None)
                if frozen is not None:
                    self.check_hangs(actor, frozen, event)
        for life_of_node, frozen in open_freezes.items():
            if self.has_ended(life_of_node):
                continue
            self.find("I6", f"{actor}: {frozen} and neither went on nor away")

    def check_staging(self, actor, events):
        open_stages = {}
        for event in events:
            if event.kind == "staged":
                open_stages[event.life_of_node] = event
            elif event.kind == "unstaged" or (event.kind == "begun" and event.how == "moved"):
                staged = open_stages.pop(event.life_of_node, None)
                if staged is not None:
                    self.check_hangs(actor, staged, event)
        for life_of_node, staged in open_stages.items():
            if not self.has_ended(life_of_node):
                self.find("I7", f"{actor}: {staged} and was never made live or dropped")

    def check_hangs(self, actor, begun, ended):
        if ended.t - begun.t > self.hangs_after_ns and not self.was_away(begun, ended):
            self.find("I7", f"{actor}: {begun}, and only after {(ended.t - begun.t) / 1e9:.1f} s: "
                            f"{ended}")

    def was_away(self, begun, ended):
        """Whether whoever ran the test says that the node or the head was away in that time."""
        return any(away["from"] < ended.t and away["to"] > begun.t and
                   away["node"] in (begun.node, self.quiet.get("head"))
                   for away in self.quiet.get("away", []))

    def has_ended(self, life_of_node):
        """The incarnation was killed or stopped, so what it held is gone."""
        return (life_of_node in self.stopped or
                self.last_incarnation.get(life_of_node[0]) != life_of_node)

    # --- What the runner saw ----------------------------------------------------------------------

    def check_quiet(self):
        quiet = self.quiet
        for text in quiet.get("not_drained", []):
            self.find("I5", text)
        for text in quiet.get("wrong_rows", []):
            self.find("I1", text)
        for law in quiet.get("broken_laws", []):
            self.find("I9" if law.get("law") == "edge" else "I10",
                      f"ledger: {law.get('law')}: {law.get('what')}: {law.get('numbers')}")
        if "directory" not in quiet or "hosts" not in quiet:
            return
        directory = {row["id"]: (row["node"], row["epoch"], row["life"])
                     for row in quiet["directory"]}
        hosts = {}
        for row in quiet["hosts"]:
            here = (row["node"], row["epoch"], row["life"])
            if row["id"] in hosts:
                self.find("I3", f"{row['id']}: lives at {hosts[row['id']]} and at {here}")
            hosts[row["id"]] = here
        for actor in sorted(set(directory) | set(hosts)):
            if directory.get(actor) != hosts.get(actor):
                self.find("I8", f"{actor}: the directory says {directory.get(actor)}, the hosts "
                                f"{hosts.get(actor)}")


def percentile(values, percent):
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def summary_of(events):
    moves = [event for event in events if event.kind == "move"]
    pauses = [event.pause / 1e6 for event in moves if event.outcome == "moved"]
    outcomes = collections.Counter(event.outcome for event in moves)
    begun = collections.Counter(event.how for event in events if event.kind == "begun")
    return {"events": len(events),
            "incarnations": sum(event.kind == "started" for event in events),
            "activations": dict(begun), "moves": dict(outcomes),
            "pause_ms": {"p50": percentile(pauses, 50), "p99": percentile(pauses, 99),
                         "max": max(pauses, default=None)},
            "checkpoints": sum(event.kind == "kept" and event.saved for event in events)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hangs-after", type=float, default=HANGS_AFTER_S, metavar="SECONDS")
    options = parser.parse_args()
    try:
        events = read_histories(options.folder)
        quiet_file = options.folder / "quiet.json"
        quiet = json.loads(quiet_file.read_text()) if quiet_file.exists() else {}
        violations = Checker(events, quiet, options.hangs_after).run()
    except (OSError, ValueError, KeyError, AttributeError) as failed:
        print(f"check_history: {options.folder}: {failed}", file=sys.stderr)
        return 2
    if not events:
        print(f"check_history: no *.history with a line in {options.folder}", file=sys.stderr)
        return 2
    summary = summary_of(events)
    if options.json:
        print(json.dumps({"summary": summary, "violations": [v._asdict() for v in violations]}))
    else:
        for name, value in summary.items():
            print(f"{name:<14}{value}")
        for violation in violations:
            print(f"VIOLATION {violation.invariant} ({INVARIANTS[violation.invariant]}): "
                  f"{violation.text}")
        print(f"{len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
