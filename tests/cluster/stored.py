"""What each node says at the end, read through its own API, and its own proof."""
import json

from bank import NodeClient, min_index_header
from checker import Stored
from cluster import until


def short(name):
    return name.lstrip("0")


class Reader:
    """Everything of the bank at one node (0 is the first), not older than an index."""

    def __init__(self, bank, node, min_index):
        self.bank, self.node, self.client = bank, node, NodeClient(bank.targets, bank.key)
        self.headers = min_index_header(min_index)

    def get(self, path):
        answer = self.client.json(self.node, "GET", path, headers=self.headers)
        if answer.status != 200:
            raise AssertionError(f"node {self.node + 1}: GET {path}: {answer!r}")
        return answer.json

    def history(self, account):
        rows, start = [], ""
        while True:
            page = self.get(f"/v1/ledger/accounts/{account}/transfers?limit=1000{start}")
            rows += [(short(row["id"]), short(row["debit_account"]), short(row["credit_account"]), int(row["amount"]),
                      int(row["timestamp"])) for row in page["data"]]
            if not page["has_more"]:
                return rows[::-1]
            start = f"&from={page['next']}"

    def balance(self, account):
        row = self.get(f"/v1/ledger/accounts/{account}")
        return int(row["debits_posted"]), int(row["credits_posted"])

    def payments(self):
        found, start = {}, ""
        while True:
            page = self.get(f"/v1/payment_intents?limit=100&customer={self.bank.customer}{start}")
            for intent in page["data"]:
                found.setdefault(intent["metadata"]["op"], []).append((intent["id"], intent["amount_received"]))
            if not page["has_more"]:
                return found
            start = f"&starting_after={page['data'][-1]['id']}"

    def all(self):
        try:
            return Stored({account: self.history(account) for account in self.bank.accounts},
                          {account: self.balance(account) for account in self.bank.accounts}, self.payments())
        finally:
            self.client.close()


def read_all(bank):
    return {node + 1: Reader(bank, node, bank.seen_index).all() for node in range(len(bank.targets))}


def verified(cluster, bank):
    """`kontor verify` holds on every node for all that the bank did."""
    client, wanted = NodeClient(bank.targets, bank.key), bank.seen_index

    def report(machine):
        # A node that follows makes its checkpoints when entries come.
        bank.must(client, "/v1/customers", "", {"Content-Type": "application/x-www-form-urlencoded"})
        said = json.loads(machine.control("verify")["json"])
        if not said["holds"]:
            raise AssertionError(f"machine {machine.number}: {said}")
        return said["log_index"] >= wanted
    for machine in cluster.machines:
        until(lambda machine=machine: report(machine), 30, f"a checkpoint of machine {machine.number}", 0.2)
    client.close()


def same_states(cluster):
    """All nodes stand at the same index with the same hash of everything up to it; that index."""
    def look():
        cluster.caught_up()
        seen = [[machine.control("status") for machine in cluster.machines] for _ in range(2)]
        indexes = {said["applied_index"] for round_ in seen for said in round_}
        return (indexes, {said["state_hash"] for said in seen[0]}) if len(indexes) == 1 else None
    indexes, hashes = until(look, 30, "nodes that stand at the same index")
    if len(hashes) != 1:
        raise AssertionError(f"at index {indexes} the states differ: {hashes}")
    return indexes.pop()
