"""Does what is stored agree with what the clients were told? Pure functions: no process, no network.

`stored` is what each node says at the end: {node: Stored}. Every function returns a list of complaints.
"""
import collections
import dataclasses

DONE, REFUSED = "done", "refused"


@dataclasses.dataclass
class Stored:
    histories: dict  # account -> [(transfer id, debit, credit, amount, timestamp)], oldest first
    balances: dict  # account -> (debits posted, credits posted)
    payments: dict  # operation -> [(id, amount)]
    payments_total: int = 0


def transfers_of(stored):
    """id -> (debit, credit, amount), as the histories tell it."""
    return {row[0]: row[1:4] for rows in stored.histories.values() for row in rows}


def check_totals(stored, total):
    """Each node: money is neither made nor lost, and balances are the sums of the histories."""
    bad = []
    for node, state in stored.items():
        held = sum(credits - debits for debits, credits in state.balances.values())
        if held != total:
            bad.append(f"node {node}: the bank holds {held}, not {total}")
        for account, rows in state.histories.items():
            sums = (sum(row[3] for row in rows if row[1] == account),
                    sum(row[3] for row in rows if row[2] == account))
            if sums != state.balances[account]:
                bad.append(f"node {node}: account {account} has {state.balances[account]}, its history makes {sums}")
            if sums[0] > sums[1]:
                bad.append(f"node {node}: account {account} is overdrawn: {sums}")
    return bad


def check_transfers(stored, transfers):
    """Each node: acknowledged ones are there once and unchanged, refused ones are not, nor any that nobody sent."""
    bad = []
    sent = {record["id"]: record for record in transfers}
    if len(sent) != len(transfers):
        bad.append("a client used an id twice: the test is wrong")
    for node, state in stored.items():
        for account, rows in state.histories.items():
            twice = [name for name, count in collections.Counter(row[0] for row in rows).items() if count > 1]
            bad += [f"node {node}: account {account} has transfer {name} twice" for name in twice]
        found = transfers_of(state)
        for name, record in sent.items():
            wanted = (record["debit_account"], record["credit_account"], record["amount"])
            if record["outcome"] == DONE and name not in found:
                bad.append(f"node {node}: acknowledged, but not stored: {record}")
            elif name in found and found[name] != wanted:
                bad.append(f"node {node}: stored as {found[name]}: {record}")
            # Without a key, an attempt of which nothing was heard may be carried out after a later one was refused.
            is_definite = record["keyed"] or len(record["attempts"]) == 1
            if record["outcome"] == REFUSED and is_definite and name in found:
                bad.append(f"node {node}: refused, but stored: {record}")
        bad += [f"node {node}: nobody sent transfer {name}" for name in found if name not in sent]
    return bad


def check_chains(stored, transfers):
    """Each node: of a chain everything is there, or nothing."""
    bad, chains = [], collections.defaultdict(list)
    for record in transfers:
        if record.get("chain"):
            chains[record["chain"]].append(record["id"])
    for node, state in stored.items():
        found = transfers_of(state)
        for name, ids in chains.items():
            there = [one for one in ids if one in found]
            if there and len(there) != len(ids):
                bad.append(f"node {node}: of chain {name} only {there} of {ids}")
    return bad


def check_order(stored, transfers):
    """Every account's history is the same on all nodes, and none is in front of one that was over before it began."""
    bad = []
    times = {record["id"]: (record["start"], record["end"] if record["outcome"] == DONE else float("inf"))
             for record in transfers}
    first_node, first = next(iter(stored.items()))
    for node, state in stored.items():
        for account, rows in state.histories.items():
            if rows != first.histories[account]:
                bad.append(f"account {account} differs between nodes {first_node} and {node}")
    for account, rows in first.histories.items():
        stamps = [row[4] for row in rows]
        if any(after <= before for before, after in zip(stamps, stamps[1:])):
            bad.append(f"account {account}: its timestamps do not grow")
        latest_start, latest = float("-inf"), None
        for row in rows:
            start, end = times.get(row[0], (float("-inf"), float("inf")))
            if end < latest_start:
                bad.append(f"account {account}: {latest} stands before {row[0]}, which was over when it began")
            if start > latest_start:
                latest_start, latest = start, row[0]
    return bad


def check_reads(reads, transfers, total, accounts, histories):
    """Nothing older than Kontor-Min-Index is ever missing, and whole-bank reads always hold the whole."""
    bad = []
    acknowledged = sorted((record["index"], record["debit_account"], record["credit_account"], record["amount"])
                          for record in transfers if record["outcome"] == DONE)
    # account -> running (index, debits so far, credits so far)
    running = collections.defaultdict(lambda: [(0, 0, 0)])
    for index, debit, credit, amount in acknowledged:
        _, debits, credits = running[debit][-1]
        running[debit].append((index, debits + amount, credits))
        _, debits, credits = running[credit][-1]
        running[credit].append((index, debits, credits + amount))
    for read in reads:
        where = f"node {read['node'] + 1}, read {read['index']} with Kontor-Min-Index {read['min_index']}"
        if read["index"] < read["min_index"]:
            bad.append(f"{where}: older than asked for")
        if set(read["rows"]) != set(read["ids"]):
            bad.append(f"{where}: {set(read['ids']) - set(read['rows'])} missing")
            continue
        if set(read["ids"]) == set(accounts):
            held = sum(credits - debits for debits, credits in read["rows"].values())
            if held != total:
                bad.append(f"{where}: the bank holds {held}, not {total}")
        for account, (debits, credits) in read["rows"].items():
            at_least = at_index(running[account], read["min_index"])
            if debits < at_least[1] or credits < at_least[2]:
                bad.append(f"{where}: account {account} shows {(debits, credits)}, acknowledged were {at_least[1:]}")
            if (debits, credits) not in histories[account]:
                bad.append(f"{where}: account {account} never was {(debits, credits)}")
    return bad


def at_index(running, index):
    """The last entry of a running sum that is not beyond an index."""
    low, high = 0, len(running)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if running[middle][0] <= index else (low, middle)
    return running[low]


def states_of(histories):
    """account -> every (debits, credits) that it ever had."""
    states = {}
    for account, rows in histories.items():
        debits = credits = 0
        states[account] = {(0, 0)}
        for row in rows:
            debits += row[3] if row[1] == account else 0
            credits += row[3] if row[2] == account else 0
            states[account].add((debits, credits))
    return states


def check_payments(stored, payments):
    """Every acknowledged payment is there once, with its id and amount; each operation at most once."""
    bad = []
    for node, state in stored.items():
        for record in payments:
            found = state.payments.get(record["op"], [])
            if len(found) > 1:
                bad.append(f"node {node}: paid {len(found)} times: {record}")
            if record["id"] and found != [(record["id"], record["amount"])]:
                bad.append(f"node {node}: acknowledged {record}, stored {found}")
    return bad


def check(bank, stored):
    """All of it."""
    first = next(iter(stored.values()))
    return (check_totals(stored, bank.total) + check_transfers(stored, bank.transfers) +
            check_chains(stored, bank.transfers) +
            check_order(stored, bank.transfers) + check_payments(stored, bank.payments) +
            check_reads(bank.reads, bank.transfers, bank.total, bank.accounts, states_of(first.histories)) +
            [f"an answer that no single node would give: {what}" for what in bank.strange])
