"""Clusters of real nodes on loopback, for the whole-process tests: started, killed, paused and looked at.

A machine (1, 2, 3 …) is a folder with configuration, secrets key and data; the number that the cluster gives it is
`node_no`. A Client talks to all machines in turn, as a merchant's program with several addresses does.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time

from kontor_process import SLOW, Admin, Api, ApiError, Kontor, Lost, run, until

FORMS_WITHIN_S = 30
RETRIED = (429, 503)


# Below what the system gives to outgoing connections, which would else take a port between choosing and listening; each
# process begins elsewhere, and gives none out twice.
_PORTS = iter(range(20_000 + os.getpid() * 61 % 9_000, 32_000))


def free_ports(count):
    """Ports that nobody listens on now, all different, also from call to call."""
    found = []
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


def control(data_folder, command, timeout_s=30 * SLOW, **fields):
    """What the node answers on its control socket; the command line speaks to it in the same way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(f"{data_folder}/control.sock")
        connection.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")
        return json.loads(connection.makefile("rb").readline() or b"{}")


class Machine:
    """One machine of a cluster; its process may run or not."""

    def __init__(self, folder, number, ports, settings, secrets_key=None):
        self.number, self.folder = number, folder
        self.data, self.key, self.config = f"{folder}/data", f"{folder}/secrets.key", f"{folder}/kontor.toml"
        self.https_port, self.peer_port = ports
        self.process = self.binary = self.environment = None  # binary: of its own; else KONTOR_BINARY
        os.makedirs(folder, exist_ok=True)
        if secrets_key:
            shutil.copyfile(secrets_key, self.key)
            os.chmod(self.key, 0o600)
        else:
            made = run("secrets", "init", "--key-file", self.key)
            assert made.returncode == 0, made.stderr
        self.settings = {"data.folder": self.data, "data.partitions": 2, "https.port": self.https_port,
                         "https.threads": 2, "secrets.key_file": self.key, "cluster.name": f"machine{number}",
                         "cluster.address": "127.0.0.1", "cluster.port": self.peer_port,
                         "cluster.listen_address": "127.0.0.1", "webhooks.allow_http": True,
                         "webhooks.allow_private_addresses": True, "store.cache_mib": 32, "store.memtable_mib": 32}
        self.settings.update(settings)
        self.write()

    def write(self, **changed):
        """The configuration file, with `section__name` changed."""
        self.settings.update({name.replace("__", "."): value for name, value in changed.items()})
        sections = {}
        for name, value in self.settings.items():
            section, _, key = name.partition(".")
            sections.setdefault(section, []).append(f"{key} = {json.dumps(value)}")
        with open(self.config, "w", encoding="utf-8") as file:
            for section, lines in sections.items():
                file.write(f"[{section}]\n" + "\n".join(lines) + "\n\n")

    @property
    def address(self):
        return f"127.0.0.1:{self.peer_port}"

    # ---- the process ---------------------------------------------------------------------------------------------------
    def start(self, wait=True):
        self.process = Kontor("serve", "--json", "--config", self.config, binary=self.binary,
                              environment=self.environment)
        return self.process.wait_ready() if wait else self.process

    def is_running(self):
        return self.process is not None and self.process.process.poll() is None

    def kill(self):
        return self.process.kill()

    def stop(self):
        return self.process.stop()

    @contextlib.contextmanager
    def paused(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def end(self):
        if self.process is not None and not self.process.process.stdout.closed:
            if self.is_running():
                os.kill(self.process.pid, signal.SIGCONT)
            self.process.kill()

    # ---- what people do ------------------------------------------------------------------------------------------------
    def cli(self, action, *arguments):
        """`kontor cluster …` with this machine's configuration, to its end."""
        return run("cluster", action, *arguments, "--config", self.config, binary=self.binary)

    def do(self, action, *arguments):
        """The same, and it must succeed; the answer of --json."""
        done = self.cli(action, *arguments, "--json")
        if done.returncode != 0:
            raise AssertionError(f"cluster {action} {arguments}: {done.returncode} {done.stdout}{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def token(self, *arguments):
        return self.do("token", *arguments)["token"]

    def control(self, command, **fields):
        return control(self.data, command, **fields)

    def status(self):
        """The status as JSON; None while nobody answers."""
        try:
            answer = self.control("cluster-status")
        except (OSError, ValueError):
            return None
        return answer if "nodes" in answer else None

    def leads(self):
        status = self.status()
        return bool(status and status["role"] == "leader" and status["leader"] == status["node"])

    @property
    def node_no(self):
        with open(f"{self.data}/peer/identity.json", encoding="utf-8") as file:
            return json.load(file)["node"]


class Cluster:
    """Machines with one secrets key. Use as a context manager: no process outlives the test."""
    machine_type = Machine

    def __init__(self, folder, **settings):
        self.folder = folder
        self.settings = {name.replace("__", "."): value for name, value in settings.items()}
        self.machines = []

    def machine(self, secrets_key=None, **settings):
        """A further machine that is not in the cluster yet."""
        number = len(self.machines) + 1
        key = secrets_key or (self.machines[0].key if self.machines else None)
        given = {**self.settings, **{name.replace("__", "."): value for name, value in settings.items()}}
        self.machines.append(self.machine_type(f"{self.folder}/m{number}", number, free_ports(2), given, key))
        return self.machines[-1]

    def form(self, count=3):
        """The usual way: init on the first, a token for each other, join, start."""
        first = self.machine()
        first.start()
        self.admin_url = first.process.ready["admin_url"]
        first.do("init")
        joined = [self.machine() for _ in range(count - 1)]
        for machine in joined:
            machine.do("join", first.token())
            machine.start(wait=False)
        for machine in joined:
            machine.process.wait_ready()
        self.settled(count)
        return self

    def running(self):
        return [machine for machine in self.machines if machine.is_running()]

    def leader(self, timeout_s=20):
        """The machine that leads; exactly one says so."""
        def found():
            leaders = [machine for machine in self.running() if machine.leads()]
            return leaders[0] if len(leaders) == 1 else None
        return until(found, timeout_s, "one leader")

    def followers(self):
        leader = self.leader()
        return [machine for machine in self.running() if machine is not leader]

    def settled(self, voters, timeout_s=FORMS_WITHIN_S):
        """Every running node sees one leader and as many voters, all ready and connected, and none that goes."""
        def is_settled(status):
            if not status or not status["leader"] or any(node["wanted"] == "removed" for node in status["nodes"]):
                return False
            ready = [node for node in status["nodes"] if node["is"] == node["wanted"] == "voter" and
                     node.get("ready") and node["connected"]]
            return len(ready) == voters
        until(lambda: all(is_settled(machine.status()) for machine in self.running()), timeout_s,
              f"a settled cluster of {voters}", 0.05)

    def caught_up(self, timeout_s=30):
        """Every running node has applied what the leader has."""
        def applied(machine):
            return machine.control("status")["applied_index"]
        wanted = applied(self.leader())
        until(lambda: all(applied(machine) >= wanted for machine in self.running()), timeout_s, "all caught up")

    def set_up(self):
        """The first operator, a merchant, and its key.

        These requests have no idempotency key, so a change of leaders on a busy machine may be answered with 503: then
        again, as a person would, with a new link and another name.
        """
        for attempt in range(5):
            try:
                link = self.admin_url if attempt == 0 else self.machines[0].control("setup-link")["admin_url"]
                self.admin = Admin(self.machines[0].process).set_up(f"ada{attempt}", link)
                self.merchant, self.key = self.admin.merchant_key(f"Shop{attempt}")
                return self.key
            except ApiError as error:
                if error.answer.status != 503 or attempt == 4:
                    raise
                self.leader()
        return None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if isinstance(error, AssertionError):
            self.tell()
        for machine in self.machines:
            machine.end()

    def tell(self):
        """What every machine says of itself: why a test failed is not seen twice."""
        for machine in self.machines:
            if machine.process is None:
                continue
            try:
                status = machine.status() if machine.is_running() else "ended"
            except (OSError, ValueError, AssertionError) as problem:
                status = repr(problem)
            print(f"--- machine {machine.number}: {json.dumps(status)}\n{machine.process.story()}", file=sys.stderr)


class Client:
    """Talks to the machines in turn, one keep-alive connection each; what it may retry it retries, and counts.

    Not for several threads at once.
    """
    GIVE_UP_S = 30 * SLOW

    def __init__(self, machines, key, timeout_s=10 * SLOW):
        self.key, self.timeout_s = key, timeout_s
        # As they are now: ports and authorities stay the same when a machine is started again.
        self.targets = [(machine.https_port, machine.process.context) for machine in machines]
        self.apis, self.turn = {}, 0
        self.retried = []  # (time, machine's index, what)

    def next_api(self):
        self.turn = (self.turn + 1) % len(self.targets)
        if self.turn not in self.apis:
            port, context = self.targets[self.turn]
            self.apis[self.turn] = Api(port, context, self.key, timeout_s=self.timeout_s)
        return self.apis[self.turn]

    def request(self, method, path, fields=None, idempotency_key=None, headers=None):
        """The first answer that is not to be retried, from whichever machine."""
        end = time.monotonic() + self.GIVE_UP_S
        while True:
            api = self.next_api()
            try:
                answer = api.request(method, path, fields, idempotency_key, headers)
                # In use: the first try of the same key is still being worked on.
                in_use = answer.status == 409 and answer.error.get("type") == "idempotency_error"
                if answer.status not in RETRIED and not in_use:
                    return answer
                what = f"{answer.status} {answer.error.get('message')}"
            except Lost as error:
                what = repr(error)
            self.retried.append((time.monotonic(), self.turn, what))
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: {what} for {self.GIVE_UP_S:.0f} s")
            time.sleep(0.01)

    def close(self):
        for api in self.apis.values():
            api.close()


class Load:
    """Payments from several threads, each talking to all machines in turn, until stopped.

    Every payment has a key and its number in the metadata, so afterwards it can be counted; nothing but 200 is taken.
    """

    def __init__(self, machines, key, threads=4, name="load", pause_s=0):
        self.name, self.stopping, self.pause_s = name, threading.Event(), pause_s
        self.clients = [Client(machines, key) for _ in range(threads)]
        self.acknowledged = [{} for _ in range(threads)]  # operation -> payment's id
        self.failures, self.gaps = [], []
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(threads)]

    def _run(self, number):
        client, done, count = self.clients[number], self.acknowledged[number], 0
        try:
            while not self.stopping.is_set():
                operation = f"{self.name}-{number}-{count}"
                count += 1
                begun = time.monotonic()
                answer = client.request("POST", "/v1/payment_intents", {
                    "amount": 100 + count % 900, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
                    "metadata": {"op": operation}}, operation)
                self.gaps.append((time.monotonic() - begun, begun, number))
                if answer.status != 200 or answer.json["status"] != "succeeded":
                    raise AssertionError(f"{operation}: {answer!r}")
                done[operation] = answer.json["id"]
                self.stopping.wait(self.pause_s)
        except BaseException as failure:  # handed to the test's thread
            self.failures.append(failure)
        finally:
            client.close()

    def count(self):
        return sum(len(done) for done in self.acknowledged)

    def wait_for(self, more, timeout_s=30):
        """Until so many further payments were acknowledged."""
        wanted = self.count() + more
        until(lambda: self.failures or self.count() >= wanted, timeout_s, f"{more} payments")
        self.raise_failures()

    def raise_failures(self):
        if self.failures:
            raise self.failures[0]

    def stop(self):
        """All acknowledged payments: operation -> id."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.raise_failures()
        return {operation: payment for done in self.acknowledged for operation, payment in done.items()}

    def retried(self):
        return sorted(retry for client in self.clients for retry in client.retried)

    def slowest_s(self):
        return max((gap for gap, _, _ in self.gaps), default=0.0)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
