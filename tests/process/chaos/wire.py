"""A network of our own: one namespace a host, a TUN device in each, and this process as all the
wire there is between them. So every packet can be lost, delayed, doubled or cut off, in one
direction if wanted, by one seed, and on kernels without netem.

    10.77.0.1  head      namespace PREFIX-head
    10.77.0.2  cam-a     namespace PREFIX-cam-a
    ...

Run as a program it takes one JSON object a line on standard input, the first one being
{"prefix", "hosts", "perfect", "seed"}, and answers each with one. At the end of its input, however
that comes about, it removes its namespaces. `Wire` is the other side of that. Needs root,
/dev/net/tun and Debian's iproute2.
"""
import collections
import ctypes
import fcntl
import heapq
import ipaddress
import itertools
import json
import os
import pathlib
import random
import select
import signal
import struct
import subprocess
import sys
import time

NETWORK = ipaddress.ip_network("10.77.0.0/24")
DEVICE = "omma0"
MTU = 16000  # Few packets for much video: each costs a few microseconds here.
WAITING_PACKETS_MAX = 20_000
READ_PACKETS_AT_ONCE = 64

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000


def why_not():
    """Why there can be no such network here; None if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun here"
    try:
        name = f"omtry{os.getpid()}"
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True, text=True)
        subprocess.run(["ip", "netns", "del", name], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        return "'ip' is not installed (./run setup installs iproute2)"
    except subprocess.CalledProcessError as failed:
        return f"no network namespace can be made: {failed.stderr.strip()}"
    return None


class Wire:
    """Starts the program below and talks to it."""

    def __init__(self, prefix, hosts, perfect=(), seed=1):
        self.prefix = prefix
        self.addresses = {host: str(NETWORK[i + 1]) for i, host in enumerate(hosts)}
        self._process = subprocess.Popen([sys.executable, "-B", __file__], text=True, bufsize=1,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         start_new_session=True)
        self._ask(prefix=prefix, hosts=list(hosts), perfect=list(perfect), seed=seed)

    def namespace(self, host):
        return f"{self.prefix}-{host}"

    def command(self, host, *words):
        """The words of a command that runs on this host."""
        return ["ip", "netns", "exec", self.namespace(host), *map(str, words)]

    def profile(self, loss=0.0, delay_ms=0.0, jitter_ms=0.0, double=0.0):
        """For every packet from now on: how likely it is lost or comes twice, and how late it is.
        A jitter above 0 lets packets overtake each other."""
        return self._ask(profile={"loss": loss, "delay_ms": delay_ms, "jitter_ms": jitter_ms,
                                  "double": double})

    def cut(self, pairs):
        """From now on exactly these (from, to) carry nothing."""
        return self._ask(cut=sorted(pairs))

    def counts(self):
        return self._ask(counts=True)

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the network's process has ended")
        answer = json.loads(answer)
        if "error" in answer:
            raise RuntimeError(f"network: {answer['error']}")
        return answer


# --- The program ----------------------------------------------------------------------------------


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def open_device(namespace):
    """A TUN device inside the namespace, held open from here."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
        return device
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


class Switch:
    def __init__(self, request):
        self.prefix, self.hosts = request["prefix"], request["hosts"]
        self.perfect = {self.hosts.index(host) for host in request["perfect"]}
        self.random = random.Random(request["seed"])
        self.devices = []
        self.settings = {"loss": 0.0, "delay_ms": 0.0, "jitter_ms": 0.0, "double": 0.0}
        self.cut = set()  # (from, to), as indexes.
        self.waiting = []  # Heap of (due, order, to, packet).
        self.order = itertools.count()
        self.counts = collections.Counter()

    def build(self):
        for index, host in enumerate(self.hosts):
            namespace = f"{self.prefix}-{host}"
            ip("netns", "add", namespace)
            self.devices.append(open_device(namespace))
            address = f"{NETWORK[index + 1]}/{NETWORK.prefixlen}"
            ip("-n", namespace, "addr", "add", address, "dev", DEVICE)
            ip("-n", namespace, "link", "set", DEVICE, "mtu", str(MTU), "up")
            ip("-n", namespace, "link", "set", "lo", "up")

    def remove(self):
        for device in self.devices:
            os.close(device)
        for host in self.hosts:
            subprocess.run(["ip", "netns", "del", f"{self.prefix}-{host}"], capture_output=True)

    def answer(self, request):
        if "profile" in request:
            self.settings.update(request["profile"])
        if "cut" in request:
            self.cut = {(self.hosts.index(a), self.hosts.index(b)) for a, b in request["cut"]}
        return {"counts": dict(self.counts)} if "counts" in request else {}

    def take(self, source, now):
        for _ in range(READ_PACKETS_AT_ONCE):
            try:
                packet = os.read(self.devices[source], 65536)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4:
                continue
            target = packet[19] - 1
            if packet[16:19] != NETWORK.network_address.packed[:3] or not (
                    0 <= target < len(self.devices)):
                continue
            self.pass_on(source, target, packet, now)

    def pass_on(self, source, target, packet, now):
        self.counts["packets"] += 1
        if source in self.perfect or target in self.perfect:
            return self.deliver(target, packet)
        if (source, target) in self.cut:
            self.counts["cut"] += 1
            return
        chance, settings = self.random, self.settings
        if chance.random() < settings["loss"]:
            self.counts["lost"] += 1
            return
        copies = 2 if chance.random() < settings["double"] else 1
        for _ in range(copies):
            late = settings["delay_ms"] + chance.random() * settings["jitter_ms"]
            if late == 0:
                self.deliver(target, packet)
            elif len(self.waiting) < WAITING_PACKETS_MAX:
                heapq.heappush(self.waiting,
                               (now + late / 1000, next(self.order), target, packet))
            else:
                self.counts["queue_full"] += 1

    def deliver(self, target, packet):
        try:
            os.write(self.devices[target], packet)
        except (BlockingIOError, OSError):
            self.counts["refused"] += 1

    def serve(self, commands):
        poll = select.epoll()
        sources = {device: index for index, device in enumerate(self.devices)}
        for device in self.devices:
            poll.register(device, select.EPOLLIN)
        poll.register(commands, select.EPOLLIN)
        while True:
            now = time.monotonic()
            while self.waiting and self.waiting[0][0] <= now:
                _, _, target, packet = heapq.heappop(self.waiting)
                self.deliver(target, packet)
            patience = self.waiting[0][0] - now if self.waiting else 1.0
            for ready, _ in poll.poll(max(patience, 0.0005)):
                if ready in sources:
                    self.take(sources[ready], time.monotonic())
                    continue
                line = commands.readline()
                if not line:
                    return
                print(json.dumps(self.answer(json.loads(line))), flush=True)


def main():
    # Whoever interrupts the test ends it through our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One line at a time, and nothing kept back where epoll cannot see it.
    commands = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    switch = Switch(json.loads(commands.readline()))
    try:
        switch.build()
    except (OSError, subprocess.CalledProcessError) as failed:
        print(json.dumps({"error": getattr(failed, "stderr", None) or str(failed)}), flush=True)
        switch.remove()
        return
    try:
        print("{}", flush=True)
        switch.serve(commands)
    finally:
        switch.remove()


def remove_leftovers(prefix):
    """Of runs whose process is gone: namespaces named PREFIX, its process id, a dash, a host."""
    for entry in pathlib.Path("/var/run/netns").glob(f"{prefix}*-*"):
        process = entry.name[len(prefix):].split("-")[0]
        if process.isdigit() and not pathlib.Path(f"/proc/{process}").exists():
            subprocess.run(["ip", "netns", "del", entry.name], capture_output=True)


if __name__ == "__main__":
    main()
