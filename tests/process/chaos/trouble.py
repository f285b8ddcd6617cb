"""What goes wrong in the chaos test, drawn from one seed: a list of faults, each with its beginning
and its end, carried out on a cluster by a clock. Cut off, paused or dead is at most one node at a
time, two for a short while; the network's mood changes all the time."""
import collections
import heapq
import itertools
import random
import time

# Loss, delay and jitter of every packet, one way. "storm" is the worst that is tried.
MOODS = {
    "calm": {"loss": 0.0, "delay_ms": 0.0, "jitter_ms": 0.0, "double": 0.0},
    "breeze": {"loss": 0.002, "delay_ms": 2.0, "jitter_ms": 1.0, "double": 0.0},
    "wind": {"loss": 0.01, "delay_ms": 10.0, "jitter_ms": 10.0, "double": 0.01},
    "storm": {"loss": 0.05, "delay_ms": 50.0, "jitter_ms": 0.0, "double": 0.0},
}
# How often each is drawn.
WEIGHTS = {"kill": 4, "pause": 3, "isolate": 2, "one_way": 2, "halves": 2, "head": 2}
MOOD_WEIGHTS = {"calm": 3, "breeze": 4, "wind": 3, "storm": 2}


class Trouble:
    def __init__(self, cluster, seed, say):
        self.cluster, self.say = cluster, say
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.away = []  # For the checker: when which node could not act, steady clock, ns.
        self._due = []  # Heap of (when, order, what to do).
        self._order = itertools.count()
        self._cuts = {}  # Fault's number -> (from, to) pairs.
        self._busy = set()  # Nodes that a fault has now.
        self._faults = itertools.count(1)

    def run(self, seconds):
        """Makes trouble for so long, then puts everything right."""
        begun = time.monotonic()
        end = begun + seconds
        self._at(begun + 1, self._change_mood)
        self._at(begun + 3, self._next_fault)
        while (now := time.monotonic()) < end:
            self._carry_out(now)
            self._notice_ended()
            time.sleep(0.02)
        self.heal()

    def heal(self):
        self._cuts.clear()
        self.cluster.wire.cut([])
        self.cluster.wire.profile(**MOODS["calm"])
        for node in self.cluster.nodes.values():
            if node.paused:
                self.cluster.wake(node.name)
                self._back(node.name)
            if not node.runs():
                if node.name not in self._busy:
                    self.cluster.note_if_ended(node.name)
                self.cluster.start(node.name)
                self._back(node.name)
        self._busy.clear()
        self._due.clear()
        now = time.monotonic_ns()
        for away in self.away:
            away.setdefault("to", now)
        self.cluster.write_down()

    # --- The clock --------------------------------------------------------------------------------

    def _at(self, when, what):
        heapq.heappush(self._due, (when, next(self._order), what))

    def _after(self, seconds, what):
        self._at(time.monotonic() + seconds, what)

    def _carry_out(self, now):
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()

    def _notice_ended(self):
        for name, node in self.cluster.nodes.items():
            if name in self._busy or node.runs():
                continue
            self.cluster.note_if_ended(name)
            self.say(f"node {name} ended by itself")
            self.cluster.start(name)

    def _draw(self, weights):
        return self.random.choices(list(weights), list(weights.values()))[0]

    def _gone(self, *names):
        for name in names:
            self.away.append({"node": name, "from": time.monotonic_ns()})

    def _back(self, *names):
        for away in self.away:
            if away["node"] in names:
                away.setdefault("to", time.monotonic_ns())

    # --- Faults -----------------------------------------------------------------------------------

    def _change_mood(self):
        mood = self._draw(MOOD_WEIGHTS)
        self.cluster.wire.profile(**MOODS[mood])
        self.counts[f"mood {mood}"] += 1
        self._after(self.random.uniform(3, 12), self._change_mood)

    def _next_fault(self):
        # Now and then before the last one is over.
        self._after(self.random.uniform(1.5, 3 * self._lease()), self._next_fault)
        if len(self._busy) > (1 if self.random.random() < 0.3 else 0):
            return
        getattr(self, "_" + self._draw(WEIGHTS))()

    def _lease(self):
        return self.cluster.lease_s or 6.0

    def _victim(self):
        head = self.cluster.head.name
        return self.random.choice(
            [name for name in self.cluster.nodes if name != head and name not in self._busy])

    def _kill(self, name=None):
        name = name or self._victim()
        # Shorter than the lease: back before anybody missed it; longer: its actors have moved on.
        down = self.random.choice([self.random.uniform(0.05, 0.5), self._lease() * 2])
        self._take_down(name, down)

    def _head(self):
        """Moves are under way all the time, so it dies amid compare-and-sets."""
        if self.cluster.head.name not in self._busy:
            self.counts["kill of the head"] += 1
            self._take_down(self.cluster.head.name, self.random.uniform(0.05, self._lease()))

    def _take_down(self, name, seconds):
        self.say(f"kill -9 {name} for {seconds:.1f} s")
        self.counts["kill -9"] += 1
        self._busy.add(name)
        self.cluster.kill(name)
        self._gone(name)

        def restart():
            self.cluster.start(name)
            self._back(name)
            self._busy.discard(name)
            self.cluster.write_down()

        self._after(seconds, restart)

    def _pause(self):
        name = self._victim()
        seconds = self._lease() * self.random.uniform(0.5, 2.5)
        self.say(f"SIGSTOP {name} for {seconds:.1f} s")
        self.counts["SIGSTOP"] += 1
        self._busy.add(name)
        self.cluster.pause(name)
        self._gone(name)

        def wake():
            if self.cluster.nodes[name].paused:
                self.cluster.wake(name)
            self._back(name)
            self._busy.discard(name)

        self._after(seconds, wake)

    def _cut(self, what, names, pairs):
        number = next(self._faults)
        seconds = self._lease() * self.random.uniform(0.3, 2.0)
        self.say(f"{what} for {seconds:.1f} s")
        self.counts["partition"] += 1
        self._busy.update(names)
        self._gone(*names)
        self._cuts[number] = pairs
        self._apply_cuts()

        def mend():
            self._cuts.pop(number, None)
            self._apply_cuts()
            self._back(*names)
            self._busy.difference_update(names)

        self._after(seconds, mend)

    def _apply_cuts(self):
        self.cluster.wire.cut({pair for pairs in self._cuts.values() for pair in pairs})

    def _others(self, names):
        return [name for name in self.cluster.nodes if name not in names]

    def _isolate(self):
        name = self._victim()
        others = self._others([name])
        self._cut(f"{name} alone", [name],
                  {(a, b) for other in others for a, b in ((name, other), (other, name))})

    def _one_way(self):
        """What it says arrives, what is said to it does not; or the other way round."""
        name = self._victim()
        hears = self.random.random() < 0.5
        self._cut(f"{name} only {'hears' if hears else 'speaks'}", [name],
                  {(name, other) if hears else (other, name) for other in self._others([name])})

    def _halves(self):
        names = [name for name in self.cluster.nodes if name != self.cluster.head.name]
        self.random.shuffle(names)
        # The smaller side without the head.
        away = names[:len(self.cluster.nodes) // 2]
        if self._busy:
            return self._isolate()
        self._cut(f"{', '.join(away)} on their own", away,
                  {pair for a in away for b in self._others(away) for pair in ((a, b), (b, a))})
