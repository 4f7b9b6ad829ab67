"""A line to one address through tests/support/link_proxy.py: slow, or broken on command."""
import json
import os
import subprocess
import sys

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "link_proxy.py")


class Line:
    """Listens at `listen` for what shall go to 127.0.0.1; both directions of it."""

    def __init__(self, listen, port, rate=0, latency_ms=0):
        self.process = subprocess.Popen(
            [sys.executable, "-B", PROXY, "--listen", f"{listen}:{port}", "--to", f"127.0.0.1:{port}", "--rate", str(rate),
             "--latency-ms", str(latency_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert json.loads(self.process.stdout.readline())["port"] == port

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def bytes(self):
        said = self.tell("stats")
        return said["forward_bytes"], said["backward_bytes"]

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
