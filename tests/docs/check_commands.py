#!/usr/bin/env python3
"""Runs the commands that the README and the docs tell people to run.

Every fenced block of shell says in its info string how it is tested:

    ```sh run                run here, against a `kontor dev` of its own; all `run` blocks of a file share one shell
    ```sh by=PATH            the file PATH runs it: each of its lines stands there word for word
    ```sh tests              lines of `./tests/run.sh --dev NAME`: the build has tests of that name, which are run as such
    ```sh not-run="why"      cannot be run by a test, with the reason

A block ```text expect after a `run` block lists what its output must contain, in this order; `…` stands for anything.
The shell has KONTOR_URL, KONTOR_KEY and KONTOR_CA, `kontor` on its path, and a folder of its own with ./kontor-data.
The last line is `N passed, N failed`.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SHELLS = ("sh", "bash", "shell", "console")
READY_SECONDS, FILE_SECONDS = 30, 120


class Block:
    def __init__(self, path, line, info, text):
        self.path, self.line, self.info, self.text = path, line, info, text
        words = info.split(None, 1)
        self.language = words[0] if words else ""
        self.how = words[1] if len(words) > 1 else ""
        self.expected = []

    def __str__(self):
        return f"{self.path}:{self.line}"


def blocks_of(path, text):
    """The shell blocks of a file, each with what is expected of it."""
    found = []
    for match in re.finditer(r"^(`{3,})([^`\n]*)\n(.*?)^\1[ \t]*$", text, re.DOTALL | re.MULTILINE):
        block = Block(path, text.count("\n", 0, match.start()) + 1, match.group(2).strip(), match.group(3))
        if block.language in SHELLS:
            found.append(block)
        elif block.info == "text expect" and found:
            found[-1].expected = [line for line in block.text.splitlines() if line.strip()]
    return found


def missing(expected, output):
    """The first expected line that is not in the output after the ones before it, or None."""
    position = 0
    for line in expected:
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        match = re.compile(pattern).search(output, position)
        if not match:
            return line
        position = match.end()
    return None


def tests_of(build):
    """The names of the tests of a build folder."""
    listed = subprocess.run(["ctest", "--test-dir", build, "-N"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return re.findall(r"^ *Test +#\d+: (\S+)", listed.stdout, re.MULTILINE)


def check_tests(block, tests):
    for line in filter(str.strip, block.text.splitlines()):
        command = re.fullmatch(r"\./tests/run\.sh(?: --dev)? ([\w.|^$-]+)", line.strip())
        if not command:
            return f"`{line.strip()}` is no `./tests/run.sh --dev NAME`"
        if not any(re.search(command.group(1), name) for name in tests):
            return f"no test is called {command.group(1)}"
    return None


def check_elsewhere(block, root, tests=()):
    """What is wrong with a block that is not run here, or None."""
    if block.how == "tests":
        return check_tests(block, tests)
    by = re.fullmatch(r"by=(\S+)", block.how)
    if by:
        try:
            with open(os.path.join(root, by.group(1)), encoding="utf-8") as file:
                text = file.read()
        except OSError:
            return f"{by.group(1)} does not exist"
        for line in block.text.splitlines():
            if line.strip() and line.strip() not in text:
                return f"{by.group(1)} does not run `{line.strip()}`"
        return None
    if re.fullmatch(r'not-run="\S+(\s+\S+){2,}"', block.how):
        return None
    return 'say how this block is tested: `sh run`, `sh by=PATH`, `sh tests` or `sh not-run="a reason"`'


def run_blocks(blocks, environment, folder):
    """Runs the blocks of one file in one shell; yields (block, problem or None)."""
    script = ["set -euo pipefail"]
    for number, block in enumerate(blocks):
        script += [f"printf '\\n@@begin {number}@@\\n'", block.text, f"printf '\\n@@end {number}@@\\n'"]
    try:
        done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, env=environment, timeout=FILE_SECONDS,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        output, status = (error.stdout or b"").decode(errors="replace"), "time-out"
    for number, block in enumerate(blocks):
        part = re.search(rf"\n@@begin {number}@@\n(.*?)(\n@@end {number}@@\n|\Z)", output, re.DOTALL)
        if not part:
            yield block, "not reached: a block before it failed"
        elif not part.group(2):
            yield block, f"failed ({status}):\n{part.group(1)}"
        else:
            absent = missing(block.expected, part.group(1))
            yield block, f"no `{absent.strip()}` in its output:\n{part.group(1)}" if absent else None


class Server:
    """A `kontor dev` on a free port, in a folder that disappears."""

    def __init__(self, binary):
        self.folder = tempfile.mkdtemp(prefix="kontor-docs-")
        os.mkdir(os.path.join(self.folder, "bin"))
        os.symlink(binary, os.path.join(self.folder, "bin", "kontor"))
        with open(os.path.join(self.folder, "stderr"), "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen([binary, "dev", "--json", "--serve-only", "--port", "0"], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)

    def __enter__(self):
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("event") == "ready":
                self.environment = {
                    **os.environ, "KONTOR_URL": event["url"], "KONTOR_KEY": event["test_key"],
                    "KONTOR_CA": event["ca_file"],
                    "PATH": os.path.join(self.folder, "bin") + os.pathsep + os.environ["PATH"],
                }
                return self
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8") as errors:
            raise SystemExit(f"kontor dev ended before it was ready:\n{errors.read()}\n0 passed, 1 failed")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=READY_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def documents(root):
    names = subprocess.run(["git", "-C", root, "ls-files", "-z", "--", "*.md"], check=True, capture_output=True).stdout
    return sorted(name for name in names.decode().split("\0") if name and os.path.isfile(os.path.join(root, name)))


def main():
    binary = os.environ.get("KONTOR_BINARY", os.path.join(ROOT, "build", "release", "app", "kontor"))
    binary = os.path.abspath(binary)
    if not os.access(binary, os.X_OK):
        print(f"there is no {binary}; build it first (./installer/try.sh --once)\n0 passed, 1 failed")
        return 1
    counts = {True: 0, False: 0}

    def report(block, problem):
        counts[problem is None] += 1
        print(f"{'ok' if problem is None else 'FAILED':6}  {block}" + (f": {problem}" if problem else ""))

    to_run = {}
    tests = tests_of(os.path.dirname(os.path.dirname(binary)))
    for path in documents(ROOT):
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            for block in blocks_of(path, file.read()):
                if block.how == "run":
                    to_run.setdefault(path, []).append(block)
                else:
                    report(block, check_elsewhere(block, ROOT, tests))
    for path, blocks in to_run.items():
        with Server(binary) as server:
            for block, problem in run_blocks(blocks, server.environment, server.folder):
                report(block, problem)
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] or not counts[True] else 0


if __name__ == "__main__":
    sys.exit(main())
