"""Processes that may use little memory: what they took, and, where control groups are there, what they may take at most.

A MemoryGroup counts the page cache too, as the kernel does, so files larger than it never fit. It needs root and the
memory controller of control groups, version 1 or 2; MemoryGroup.make() gives None without them.
"""
import contextlib
import os
import threading
import time

ROOTS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))
LOOK_EVERY_S = 0.02
MIB = 1 << 20


class MemoryGroup:
    def __init__(self, folder, limit_file, limit_bytes):
        self.folder, self.limit_bytes = folder, limit_bytes
        os.mkdir(folder)
        try:
            with open(f"{folder}/{limit_file}", "w", encoding="ascii") as file:
                file.write(str(limit_bytes))
        except OSError:
            os.rmdir(folder)
            raise

    @classmethod
    def make(cls, name, limit_bytes):
        for root, limit_file in ROOTS:
            with contextlib.suppress(OSError):
                return cls(f"{root}/kontor-test-{os.getpid()}-{name}", limit_file, limit_bytes)
        return None

    def inside(self, *command):
        """The command that runs this one inside of the group."""
        return ["sh", "-c", f"echo $$ >{self.folder}/cgroup.procs && exec \"$@\"", "sh", *command]

    def end(self):
        """When no process is in it any more."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                return os.rmdir(self.folder)
            time.sleep(0.02)
        return None


def anonymous_bytes(pid):
    """What only this process holds, and no file: None when it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return None


class MemoryWatch:
    """The most that each of some processes had, over all its lives: looked at every 20 ms."""

    def __init__(self):
        self.pids, self.peaks = {}, {}  # name -> process id, bytes
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def watch(self, name, pid):
        self.pids[name] = pid

    def forget_peaks(self):
        self.peaks = {}

    def _run(self):
        while not self.stopping.wait(LOOK_EVERY_S):
            for name, pid in list(self.pids.items()):
                now = anonymous_bytes(pid)
                if now is not None:
                    self.peaks[name] = max(self.peaks.get(name, 0), now)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
