#!/usr/bin/env python3
"""The checker finds each kind of wrong; a checker that never complains would prove nothing."""
import copy
import os
import sys
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checker import DONE, REFUSED, Stored, check  # noqa: E402


def transfer(name, debit, credit, amount, start, end, index, **more):
    return {"id": name, "debit_account": debit, "credit_account": credit, "amount": amount, "start": start, "end": end,
            "index": index, "outcome": DONE, "keyed": True, "attempts": [(0, 200)], **more}


def good():
    """A bank of two accounts with 100 each, a transfer of 30 from a to b, a refused one, one of which nobody knows."""
    rows = [("1", "world", "a", 100, 10), ("2", "world", "b", 100, 11), ("3", "a", "b", 30, 12)]
    histories = {"a": [rows[0], rows[2]], "b": [rows[1], rows[2]]}
    stored = Stored(histories, {"a": (30, 100), "b": (0, 130)}, {"p1": [("pi_1", 5)]})
    bank = types.SimpleNamespace(
        total=200, accounts=["a", "b"], strange=[],
        transfers=[transfer("1", "world", "a", 100, 1, 2, 1), transfer("2", "world", "b", 100, 3, 4, 2),
                   transfer("3", "a", "b", 30, 5, 6, 3),
                   transfer("4", "a", "b", 900, 7, 8, 4, outcome=REFUSED, attempts=[(0, 0), (1, 409)]),
                   transfer("5", "b", "a", 1, 7, 8, 0, outcome="unknown")],
        reads=[{"node": 0, "ids": ["a", "b"], "min_index": 3, "index": 3, "rows": {"a": (30, 100), "b": (0, 130)}},
               {"node": 1, "ids": ["a"], "min_index": 2, "index": 2, "rows": {"a": (0, 100)}}],
        payments=[{"op": "p1", "amount": 5, "id": "pi_1"}, {"op": "p2", "amount": 7, "id": None}])
    return bank, {1: stored, 2: copy.deepcopy(stored)}


class Checker(unittest.TestCase):
    def setUp(self):
        self.bank, self.stored = good()

    def assert_found(self, *texts):
        complaints = check(self.bank, self.stored)
        for text in texts:
            self.assertTrue(any(text in complaint for complaint in complaints), (text, complaints))

    def test_a_good_one(self):
        self.assertEqual(check(self.bank, self.stored), [])

    def test_one_that_is_lost(self):
        for state in self.stored.values():
            for rows in state.histories.values():
                rows.pop()
            state.balances = {"a": (0, 100), "b": (0, 100)}
        self.assert_found("node 1: acknowledged, but not stored", "node 2: acknowledged, but not stored")

    def test_one_that_is_lost_on_one_node(self):
        for rows in self.stored[2].histories.values():
            rows.pop()
        self.assert_found("node 2: acknowledged, but not stored", "differs between nodes 1 and 2")

    def test_half_a_chain(self):
        self.bank.transfers[2]["chain"] = self.bank.transfers[4]["chain"] = "c"
        self.assert_found("of chain c only ['3'] of ['3', '5']")

    def test_one_that_is_there_twice(self):
        self.stored[1].histories["b"].append(("3", "a", "b", 30, 13))
        self.assert_found("has transfer 3 twice")

    def test_one_that_was_changed(self):
        for rows in self.stored[1].histories.values():
            rows[-1] = ("3", "a", "b", 31, 12)
        self.assert_found("node 1: stored as ('a', 'b', 31)")

    def test_one_that_was_refused(self):
        self.stored[1].histories["a"].append(("4", "a", "b", 900, 13))
        self.assert_found("refused, but stored")

    def test_a_refusal_that_says_nothing_of_an_earlier_attempt(self):
        self.bank.transfers[3]["keyed"] = False
        self.stored[1].histories["a"].append(("4", "a", "b", 900, 13))
        self.assertFalse([what for what in check(self.bank, self.stored) if "refused, but stored" in what])

    def test_one_that_nobody_sent(self):
        self.stored[1].histories["a"].append(("9", "a", "b", 1, 13))
        self.assert_found("nobody sent transfer 9")

    def test_money_that_was_made(self):
        self.stored[2].balances["a"] = (30, 101)
        self.assert_found("node 2: the bank holds 201, not 200", "its history makes (30, 100)")

    def test_an_overdrawn_account(self):
        self.bank.transfers.append(transfer("6", "a", "b", 80, 9, 10, 5))
        for state in self.stored.values():
            state.balances = {"a": (110, 100), "b": (0, 210)}
            for rows in state.histories.values():
                rows.append(("6", "a", "b", 80, 14))
        self.assert_found("overdrawn")

    def test_an_order_that_time_forbids(self):
        for state in self.stored.values():
            state.histories["b"] = [("3", "a", "b", 30, 11), ("2", "world", "b", 100, 12)]
        self.assert_found("3 stands before 2, which was over when it began")

    def test_timestamps_that_do_not_grow(self):
        for state in self.stored.values():
            state.histories["b"] = [("2", "world", "b", 100, 12), ("3", "a", "b", 30, 12)]
        self.assert_found("timestamps do not grow")

    def test_a_stale_read(self):
        self.bank.reads[0]["rows"]["a"] = (0, 100)
        self.bank.reads[0]["rows"]["b"] = (0, 100)
        self.assert_found("shows (0, 100), acknowledged were (30, 100)")

    def test_a_read_of_an_older_index(self):
        self.bank.reads[0]["index"] = 2
        self.assert_found("older than asked for")

    def test_half_a_transfer(self):
        self.bank.reads[0]["rows"]["b"] = (0, 100)
        self.assert_found("the bank holds 170, not 200")

    def test_a_balance_that_never_was(self):
        self.bank.reads[1]["rows"]["a"] = (5, 100)
        self.assert_found("never was (5, 100)")

    def test_a_read_without_an_account(self):
        self.bank.reads[0]["rows"].pop("b")
        self.assert_found("{'b'} missing")

    def test_payments(self):
        self.stored[1].payments = {}
        self.stored[2].payments = {"p1": [("pi_1", 5), ("pi_2", 5)]}
        self.assert_found("node 1: acknowledged {'op': 'p1'", "node 2: paid 2 times")

    def test_strange_answers(self):
        self.bank.strange.append(("500", "/v1", "x"))
        self.assert_found("an answer that no single node would give")


if __name__ == "__main__":
    unittest.main(verbosity=2)
