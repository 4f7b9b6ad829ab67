"""Data folders in tests: copied, put back, moved, and refused without a change."""
import os
import shutil
import subprocess
import unittest

from cluster_process import Cluster
from kontor_process import run


def everything_in(*folders):
    """Names, kinds, modes and sizes: what a refusal must not change."""
    found = {}
    for folder in folders:
        for parent, names, files in os.walk(folder):
            for path in [parent] + [os.path.join(parent, name) for name in names + files]:
                info = os.lstat(path)
                has_size = os.path.isfile(path) and os.path.basename(path) != "LOCK"  # with the number of the last process
                found[path] = (info.st_mode, info.st_uid, info.st_size if has_size else 0)
    return found


def write(path, content):
    """In place: another inode would be another folder's file."""
    with open(path, "r+b") as file:
        file.write(content)
        file.truncate()


def move_copy(machine):
    """As after `tar x` on a machine with a new disk: the same bytes under other inodes."""
    subprocess.run(["cp", "-a", machine.data, machine.data + ".moved"], check=True)
    shutil.rmtree(machine.data)
    os.rename(machine.data + ".moved", machine.data)


def put_back(copy, folder):
    """As `rsync -a --delete copy/ folder/`: in place, so that folders keep their inodes."""
    wanted = set()
    for parent, _, files in os.walk(copy):
        there = os.path.join(folder, os.path.relpath(parent, copy))
        os.makedirs(there, exist_ok=True)
        for name in files:
            wanted.add(os.path.normpath(os.path.join(there, name)))
            shutil.copy2(os.path.join(parent, name), os.path.join(there, name))
    for parent, _, files in os.walk(folder):
        for name in files:
            path = os.path.normpath(os.path.join(parent, name))
            if path not in wanted:
                os.remove(path)


def copy_away(machine):
    shutil.copytree(machine.data, machine.data + ".copy", ignore=shutil.ignore_patterns("control.sock"))
    return machine.data + ".copy"


class FolderTest(unittest.TestCase):
    def make(self, folder):
        cluster = Cluster(folder)
        machine = cluster.machine()
        self.addCleanup(machine.end)
        return machine

    def refused(self, machine, *texts, both=True, settings=()):
        """`serve` and `config check` say the same with exit code 2, and change nothing."""
        before = everything_in(machine.folder)
        for command in (("serve",), ("config", "check")) if both else (("serve",),):
            done = run(*command, "--config", machine.config, *settings)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            for text in texts:
                self.assertIn(text, done.stderr)
        self.assertEqual(everything_in(machine.folder), before)
