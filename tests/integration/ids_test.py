#!/usr/bin/env python3
"""What clients see of numbers: ids and positions say nothing, are the same after a restart and in a copied folder, and lead
an operator to the row."""
import json
import shutil
import unittest

from cluster_process import Cluster
from kontor_process import Kontor, main, run, temporary_folder
from positions import DIGITS, Positions


def look(data, *texts, key=False):
    done = run("id", "--json", "--data", data, *texts, *(["--key"] if key else []))
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def number_of(some_id):
    number = 0
    for digit in some_id.rsplit("_", 1)[1]:
        number = number * 62 + DIGITS.index(digit)
    return number


class Ids(unittest.TestCase):
    def test_from_an_id_to_its_place_and_back(self):
        with temporary_folder() as folder:
            data, copy = f"{folder}/data", f"{folder}/copy"
            with Kontor.dev(data) as kontor:
                api = kontor.api()
                made = [api.request("POST", "/v1/customers", {"name": str(i)}) for i in range(40)]
                ids = [answer.json["id"] for answer in made]
                code, rows = look(data, *ids, made[0].headers["Kontor-Log-Index"], key=True)
                self.assertEqual(code, 0, rows)
                key, position, rows = rows[-1]["key"], rows[-2], rows[:-2]
                first = rows[0]
                positions = Positions(key)
                for row, answer, some_id in zip(rows, made, ids):
                    self.assertEqual((row["id"], row["kind"]), (some_id, "customer"))
                    index = positions.index(answer.headers["Kontor-Log-Index"])
                    self.assertEqual((row["group"], row["log_index"]), (0, index))
                    self.assertLess(row["command"], 512)
                self.assertEqual(position["log_index"], rows[0]["log_index"])
                # A number of a log leads back to the id.
                code, back = look(data, rows[3]["hex"], str(rows[4]["number"]))
                self.assertEqual([row["id"].rsplit("_", 1)[1] for row in back],
                                 [some_id.rsplit("_", 1)[1] for some_id in ids[3:5]])
                # Rising numbers, ids in no order.
                self.assertEqual([row["number"] for row in rows], sorted(row["number"] for row in rows))
                self.assertNotEqual(ids, sorted(ids))
                self.assertEqual([one["id"] for one in api.all("/v1/customers")], ids[::-1])
                for bad in ("cus_nothing", "x", "cus_-0000000000", "1zzzzzzzzzzz"):
                    code, rows = look(data, bad)
                    self.assertEqual(code, 1)
                    self.assertIn("neither", rows[0]["error"])
                # A number that no entry has yet, as an id of another installation comes out.
                beyond = str((1 << 50) + first["number"])
                code, found = look(data, beyond, ids[0])
                self.assertEqual((code, found[0].get("beyond_log"), found[1].get("beyond_log")), (1, True, None))
                self.assertIn("No entry of the log has this number yet", run("id", "--data", data, beyond).stdout)
                text = run("id", "--data", data, ids[0])
                self.assertIn("log index", text.stdout)
                self.assertEqual(kontor.stop(), 0)
            code, stopped = look(data, ids[0], key=True)
            self.assertEqual((code, stopped[0]["id"], stopped[-1]["key"]), (0, ids[0], key))
            shutil.copytree(data, copy, ignore=lambda *_: ["control.sock"])
            with Kontor.dev(data) as kontor:
                self.assertEqual(kontor.api().get(f"/v1/customers/{ids[7]}")["name"], "7")
            self.assertEqual(look(copy, ids[0], key=True), (code, stopped))

    def test_each_node_has_the_same_ones(self):
        """Also one that copied the state when there was much of it, and all after a start."""
        with temporary_folder() as folder:
            cluster = Cluster(folder)
            self.addCleanup(lambda: [machine.end() for machine in cluster.machines])
            cluster.form(2)
            key = cluster.set_up()
            made = cluster.machines[0].process.api(key).request("POST", "/v1/customers", {"name": "Ada"}).json["id"]
            third = cluster.machine()
            third.do("join", cluster.machines[0].token())
            third.start()
            cluster.settled(3)
            cluster.caught_up()

            def looked():
                return [look(machine.data, made, key=True) for machine in cluster.machines]
            first = looked()[0]
            self.assertEqual((first[0], first[1][0]["id"]), (0, made))
            self.assertEqual(looked(), [first] * 3)
            for machine in cluster.machines:
                self.assertEqual(machine.process.api(key).get(f"/v1/customers/{made}")["id"], made)
            for machine in cluster.machines:
                machine.stop()
            self.assertEqual(looked(), [first] * 3)

    def test_an_id_of_another_installation_is_no_object(self):
        with temporary_folder() as folder, Kontor.dev(f"{folder}/one") as one, Kontor.dev(f"{folder}/two") as two:
            theirs = two.api().customer()
            one.api().customer()
            for some_id in (theirs, "cus_00000000000", "cus_LygHa16AHYG", "cus_1", "pi_" + theirs[4:]):
                answer = one.api().request("GET", f"/v1/customers/{some_id}")
                self.assertEqual((answer.status, answer.error["code"]), (404, "resource_missing"), some_id)
                self.assertIn(some_id, answer.error["message"])

    def test_two_merchants_learn_nothing_of_each_other(self):
        """Of the same busy log, gaps between one's own ids are no larger or smaller than in a quiet one."""
        with temporary_folder() as folder, Kontor.dev(f"{folder}/data") as kontor:
            api = kontor.api()
            quiet = [number_of(api.customer()) for _ in range(32)]
            busy = []
            for _ in range(32):
                for _ in range(10):
                    api.top_up(api.customer(), 1)
                busy.append(number_of(api.customer()))
            for numbers in (quiet, busy):
                gaps = sorted(abs(after - before) for before, after in zip(numbers, numbers[1:]))
                self.assertGreater(gaps[len(gaps) // 2], 1 << 58, "as of random numbers, whatever lies between")
                rising = sum(after > before for before, after in zip(numbers, numbers[1:]))
                self.assertTrue(4 <= rising <= 27, rising)


if __name__ == "__main__":
    main()
