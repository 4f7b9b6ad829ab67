#!/usr/bin/env python3
"""The data folders that releases left (tests/data/golden): verified without a change, started, and read back."""
import hashlib
import json
import lzma
import os
import ssl
import struct
import subprocess
import tarfile
import unittest

from kontor_process import Api, Kontor, main, read, temporary_folder, verify

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "golden")
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "clock_shim.c")
MOST_BYTES = 1 << 20
YEARS_MS = 5 * 365 * 24 * 3600 * 1000


def releases():
    return sorted(name for name in os.listdir(GOLDEN) if os.path.isdir(os.path.join(GOLDEN, name)))


def unpack(release, folder):
    with lzma.open(os.path.join(GOLDEN, release, "folder.tar.xz")) as packed, tarfile.open(fileobj=packed) as tar:
        tar.extractall(folder)


def content(folder):
    """Path and content of every file but the locks', which say who has it."""
    return {os.path.relpath(os.path.join(parent, name), folder): hashlib.sha256(read(os.path.join(parent, name))).hexdigest()
            for parent, _, names in os.walk(folder) for name in names if name not in ("LOCK", "lock.mdb")}


def expected(release):
    with open(os.path.join(GOLDEN, release, "expected.json"), encoding="utf-8") as file:
        return json.load(file)


def missing(wanted, found):
    """What of `wanted` is not so in `found`; later releases may show more."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [f"{name}.{what}" if what else name for name, value in wanted.items()
                for what in (missing(value, found[name]) if name in found else [""])]
    return [] if wanted == found else [f": {found!r} instead of {wanted!r}"]


class Golden(unittest.TestCase):
    def test_there_is_one_and_it_is_small_and_has_nothing_that_ends(self):
        self.assertIn("2", releases())
        for release in releases():
            with self.subTest(release), temporary_folder() as folder:
                place = os.path.join(GOLDEN, release)
                self.assertLess(sum(os.path.getsize(os.path.join(place, name)) for name in os.listdir(place)), MOST_BYTES)
                unpack(release, folder)
                for path in content(folder):
                    self.assertNotIn(b"BEGIN CERTIFICATE", read(os.path.join(folder, path)), path)

    def test_it_is_verified_without_a_change(self):
        for release in releases():
            with self.subTest(release), temporary_folder() as folder:
                unpack(release, folder)
                before = content(folder)
                code, report = verify(f"{folder}/data")
                self.assertEqual((code, report.get("holds"), report.get("problems")), (0, True, []), report)
                self.assertGreater(report["rows"], 100)
                self.assertEqual(content(folder), before)

    def check_that_it_starts(self, environment=None):
        for release in releases():
            with self.subTest(release), temporary_folder() as folder:
                unpack(release, folder)
                golden = expected(release)
                self.assertGreater(len(golden["objects"]), 50)
                with Kontor.dev(f"{folder}/data", "--set", golden["set"], environment=environment) as kontor:
                    # Whose certificate begins in the future, with another clock.
                    api = Api(kontor.port, ssl._create_unverified_context(), golden["key"])
                    self.addCleanup(api.close)
                    for path, fields in golden["objects"].items():
                        self.assertEqual(missing(fields, api.get(path)), [], path)
                    # And goes on: new rows beside the old ones.
                    self.assertEqual(api.pay(100, api.customer(200), "pm_wallet")["status"], "succeeded")
                    # By the account and the route at the channel that the folder has, in every way they are used.
                    self.assertEqual(api.pay(100)["status"], "succeeded")
                    held = api.pay(200, capture_method="manual")
                    self.assertEqual(held["status"], "requires_capture")
                    self.assertEqual(api.post(f"/v1/payment_intents/{held['id']}/capture", {})["status"], "succeeded")
                    refund = api.post("/v1/refunds", {"payment_intent": held["id"]})
                    self.assertIn(refund["status"], ("succeeded", "pending"))
                    self.assertEqual(kontor.stop(), 0)
                code, report = verify(f"{folder}/data")
                self.assertEqual((code, report["holds"]), (0, True), report)

    def test_it_starts_and_every_object_reads_as_it_did(self):
        self.check_that_it_starts()

    def test_nothing_in_it_ends_with_time(self):
        """As this test will find it: years after it was made."""
        if os.environ.get("KONTOR_SANITIZE"):
            self.skipTest("a sanitizer wants to be the first library itself")
        with temporary_folder() as folder:
            shim, clock = f"{folder}/clock_shim.so", f"{folder}/clock"
            subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, SHIM], check=True)
            with open(clock, "wb") as file:
                file.write(struct.pack("=q", YEARS_MS))
            self.check_that_it_starts({"LD_PRELOAD": shim, "TEST_CLOCK_FILE": clock})

    def test_a_difference_is_seen(self):
        self.assertEqual(missing({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 2, "new": 3}, "new": 4}), [])
        self.assertEqual(len(missing({"a": 1, "b": {"c": 2}, "d": 0}, {"a": 2, "b": {"c": 3}})), 3)


if __name__ == "__main__":
    main()
