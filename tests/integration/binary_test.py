#!/usr/bin/env python3
"""What ships is one file: it needs glibc, libstdc++ and OpenSSL, and nothing beside itself but its data folder."""
import os
import re
import shutil
import subprocess
import unittest

import kontor_process
from kontor_process import BINARY, Kontor, clean_environment, run, temporary_folder

GLIBC = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "linux-vdso.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1",
         "libresolv.so.2"}
ALLOWED = GLIBC | {"libstdc++.so.6", "libgcc_s.so.1", "libssl.so.3", "libcrypto.so.3"}
SANITIZERS = re.compile(r"lib(asan|ubsan|tsan)\.so\.\d+|tsan\.rodata\..*")


class Binary(unittest.TestCase):
    def test_shared_libraries(self):
        done = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True)
        names = {os.path.basename(line.split()[0]) for line in done.stdout.splitlines() if line.strip()}
        if os.environ.get("KONTOR_SANITIZE"):
            names = {name for name in names if not SANITIZERS.fullmatch(name)}
        self.assertLessEqual(names, ALLOWED)
        self.assertIn("libssl.so.3", names)

    def test_runs_from_an_empty_folder_with_nothing_but_itself(self):
        with temporary_folder() as folder:
            alone, data = f"{folder}/alone", f"{folder}/data"
            os.mkdir(alone)
            shutil.copy(BINARY, f"{alone}/kontor")
            with Kontor("dev", "--json", "--port", "0", "--data", data, cwd=alone, binary=f"{alone}/kontor",
                        environment={"HOME": "/nonexistent"}) as kontor:
                kontor.wait_ready()
                page = kontor.api().raw("GET", "/admin/").text
                assets = re.findall(r'(?:src|href)="(/admin/[^"]+)"', page)
                self.assertGreater(len(assets), 0, page)
                for asset in assets:
                    answer = kontor.api().raw("GET", asset)
                    self.assertEqual(answer.status, 200, asset)
                    self.assertGreater(len(answer.body), 0)
                opened = {os.path.realpath(f"/proc/{kontor.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{kontor.pid}/fd")}
                files = {path for path in opened if os.path.isfile(path)}
                self.assertEqual({path for path in files if not path.startswith(data)}, set())
                with open(f"/proc/{kontor.pid}/maps", encoding="utf-8") as file:
                    mapped = {line.split(None, 5)[5].strip() for line in file if "/" in line}
                # libstdc++.so.6 is a link to libstdc++.so.6.0.30
                libraries = {re.sub(r"(\.so\.\d+)[.\d]*$", r"\1", os.path.basename(path)) for path in mapped
                             if not path.startswith((alone, data, "/dev/", "/memfd"))}
                self.assertEqual({name for name in libraries if not SANITIZERS.match(name)} - ALLOWED, set())
                self.assertEqual(kontor.stop(), 0)
            self.assertEqual(os.listdir(alone), ["kontor"])

    def test_does_not_mind_a_bare_environment(self):
        with temporary_folder() as folder:
            keep = {name: value for name, value in clean_environment().items() if name.endswith("_OPTIONS")}
            done = subprocess.run([BINARY, "dev", "--exit-after-demo", "--port", "0", "--data", f"{folder}/data"],
                                  env=keep, capture_output=True, text=True, check=False, cwd="/",
                                  timeout=60 * kontor_process.SLOW)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_listener_is_on_loopback_only(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            listening = set()
            with open(f"/proc/{kontor.pid}/net/tcp", encoding="utf-8") as file:
                inodes = {os.readlink(f"/proc/{kontor.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{kontor.pid}/fd")}
                for line in file.readlines()[1:]:
                    fields = line.split()
                    if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                        listening.add(fields[1].split(":")[0])
            self.assertEqual(listening, {"0100007F"})
            with open(f"/proc/{kontor.pid}/net/tcp6", encoding="utf-8") as file:
                self.assertFalse([line for line in file if f"socket:[{line.split()[9]}]" in inodes])

    def test_wrong_usage_of_the_whole_binary(self):
        self.assertEqual(run().returncode, 2)


if __name__ == "__main__":
    kontor_process.main()
