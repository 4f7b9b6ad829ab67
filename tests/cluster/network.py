"""A network of machines on one: a network namespace for each node, a router between them, and the clients' side.

    n1 ── 10.77.1.2 ──┐
    n2 ── 10.77.2.2 ──┤ router ├── 10.77.100.2 ── clients (the test itself)
    n3 ── 10.77.3.2 ──┘

Each node has two more addresses: api_address() for clients, and peer_address() for other nodes, which slow() takes
over: a proxy in the router stands in for the node.

enter() starts the test again in mount, network and process namespaces of its own. Namespaces, links, mounts and
processes are all inside of them, so nothing is left behind, however the test ends, and two runs never meet.
Links are cut by link state or by blackhole rules in the router, which tell nobody.
"""
import ctypes
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))  # for everybody who imports this first
LINK_PROXY = os.path.join(HERE, "..", "support", "link_proxy.py")
INSIDE = "KONTOR_TEST_INSIDE"
SKIPPED = 77  # what ctest counts as skipped
CLIENTS = "clients"
PEER_PORT = 8444
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def skip(why):
    print(f"SKIPPED: {why}", flush=True)
    sys.exit(SKIPPED)


def enter():
    """Returns in the inner process only; the outer one becomes `unshare`."""
    if os.environ.get(INSIDE):
        # The mounts are private to us: names in /run/netns too.
        run("mount", "-t", "tmpfs", "kontor-test", "/run")
        return
    if os.geteuid() != 0:
        skip("network namespaces need root")
    for tool in ("unshare", "nsenter", "ip", "mount"):
        if not shutil.which(tool):
            skip(f"there is no '{tool}' on this machine (packages util-linux, iproute2)")
    apart = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    probe = subprocess.run(
        [*apart, "sh", "-c", "mount -t tmpfs probe /run && ip netns add probe && "
         "ip link add probe0 type veth peer name probe1 netns probe && ip rule add from 10.77.1.2 blackhole"],
        capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        skip(f"namespaces, veth or blackhole rules are not available here: {probe.stderr.strip()}")
    sys.stdout.flush()
    # When somebody kills us, what is inside goes too.
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, 9, 0, 0, 0)
    os.execvpe(apart[0], [*apart, sys.executable, "-B", *sys.argv], {**os.environ, INSIDE: "1"})


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def api_address(node):
    return f"10.77.9.{node}"


def peer_address(node):
    return f"10.77.8.{node}"


def link_address(node):
    return f"10.77.{node}.2"


class Network:
    """The links; what is cut stays cut until heal()."""

    def __init__(self, nodes):
        self.nodes = list(nodes)
        self.rules = {}  # (from, to) -> their arguments
        self.down, self.proxies = set(), {}
        run("ip", "link", "set", "lo", "up")
        run("ip", "netns", "add", "router")
        self.in_router("ip", "link", "set", "lo", "up")
        for setting in ("ip_forward=1", "ip_nonlocal_bind=1"):
            self.in_router("sysctl", "-qw", f"net.ipv4.{setting}")
        run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "v100", "netns", "router")
        self.address("router", "v100", "10.77.100.1/24")
        run("ip", "addr", "add", "10.77.100.2/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
        run("ip", "route", "add", "default", "via", "10.77.100.1")
        for node in self.nodes:
            self.add_node(node)

    @staticmethod
    def in_router(*command):
        return run("nsenter", "--net=/run/netns/router", *command)

    @staticmethod
    def address(namespace, link, address):
        run("ip", "-n", namespace, "addr", "add", address, "dev", link)
        run("ip", "-n", namespace, "link", "set", link, "up")

    def add_node(self, node):
        name = f"n{node}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"v{node}", "netns", "router", "type", "veth", "peer", "name", "eth0", "netns", name)
        self.address("router", f"v{node}", f"10.77.{node}.1/24")
        self.address(name, "eth0", f"{link_address(node)}/24")
        for address in (api_address(node), peer_address(node)):
            self.address(name, "lo", f"{address}/32")
            run("ip", "-n", "router", "route", "add", f"{address}/32", "via", link_address(node))
        run("ip", "-n", name, "route", "add", "default", "via", f"10.77.{node}.1")

    @staticmethod
    def command(node):
        """What a command starts with to run on a node."""
        return ["nsenter", f"--net=/run/netns/n{node}"]

    # ---- cutting -------------------------------------------------------------------------------------------------------
    def cut_one_way(self, source, target):
        """What `source` sends to `target` vanishes; either may be CLIENTS."""
        if (source, target) in self.rules:
            return
        into = "v100" if source == CLIENTS else f"v{source}"
        targets = ["10.77.100.0/24"] if target == CLIENTS else [
            f"10.77.{target}.0/24", f"{api_address(target)}/32", f"{peer_address(target)}/32"]
        self.rules[source, target] = [["iif", into, "to", address, "blackhole"] for address in targets]
        for rule in self.rules[source, target]:
            run("ip", "-n", "router", "rule", "add", "pref", "1000", *rule)

    def cut_between(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def isolate(self, node, receives=False, sends=False):
        """From the other nodes only: clients still reach it, and may be told wrong things."""
        for other in self.nodes:
            if other == node:
                continue
            if not sends:
                self.cut_one_way(node, other)
            if not receives:
                self.cut_one_way(other, node)

    def pull_cable(self, node):
        """Nobody reaches it, nor does it reach anybody."""
        self.down.add(node)
        run("ip", "-n", "router", "link", "set", f"v{node}", "down")

    def heal(self):
        for rules in self.rules.values():
            for rule in rules:
                run("ip", "-n", "router", "rule", "del", "pref", "1000", *rule)
        self.rules.clear()
        for node in self.down:
            run("ip", "-n", "router", "link", "set", f"v{node}", "up")
            # Routes through a link go with it.
            for address in (api_address(node), peer_address(node)):
                run("ip", "-n", "router", "route", "replace", f"{address}/32", "via", link_address(node))
        self.down.clear()
        for node in list(self.proxies):
            self.fast(node)

    # ---- slow links ----------------------------------------------------------------------------------------------------
    def slow(self, node, bytes_a_second, latency_ms):
        """What other nodes and this one say on connections to this one goes through a proxy."""
        self.in_router("ip", "addr", "add", f"{peer_address(node)}/32", "dev", "lo")
        proxy = subprocess.Popen(
            ["nsenter", "--net=/run/netns/router", sys.executable, "-B", LINK_PROXY,
             "--listen", f"{peer_address(node)}:{PEER_PORT}", "--to", f"{link_address(node)}:{PEER_PORT}",
             "--rate", str(bytes_a_second), "--latency-ms", str(latency_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.proxies[node] = proxy
        assert json.loads(proxy.stdout.readline())["port"] == PEER_PORT

    def tell_proxy(self, node, command):
        proxy = self.proxies[node]
        proxy.stdin.write(command + "\n")
        proxy.stdin.flush()
        return json.loads(proxy.stdout.readline())

    def fast(self, node):
        """The bytes that went each way."""
        said = self.tell_proxy(node, "stats")
        proxy = self.proxies.pop(node)
        proxy.stdin.close()
        proxy.wait(10)
        proxy.stdout.close()
        self.in_router("ip", "addr", "del", f"{peer_address(node)}/32", "dev", "lo")
        return said
