"""What can be done to the cluster; each breaks something for a moment. The caller restores."""
import time

from cluster import SLOW

DISK_MACHINE = 3  # the one on a disk of its own
MINUTE_MS = 60_000


class Storm:
    def __init__(self, cluster, chance):
        self.cluster, self.net, self.chance = cluster, cluster.net, chance
        self.spared = None  # the number of a machine that somebody else works at

    def for_a_while(self, least_s=0.3, most_s=1.5):
        time.sleep(self.chance.uniform(least_s, most_s) * SLOW)

    def can_be_hit(self, machines):
        return [machine for machine in machines if machine.number != self.spared]

    def anyone(self):
        return self.chance.choice(self.can_be_hit(self.cluster.machines))

    def follower(self):
        return self.chance.choice(self.can_be_hit(self.cluster.followers()))

    def leader(self):
        leader = self.cluster.leader()
        return leader if leader.number != self.spared else self.anyone()

    def kill(self, machine):
        machine.kill()
        self.for_a_while(0, 1)
        machine.start(wait=False)
        self.for_a_while()

    def kill_any(self):
        self.kill(self.anyone())

    def kill_leader(self):
        self.kill(self.leader())

    def kill_all(self):
        """The power of the whole site goes."""
        for machine in self.cluster.machines:
            machine.kill()
        for machine in self.cluster.machines:
            machine.start(wait=False)
        self.cluster.leader()
        self.for_a_while()

    def pause_leader(self):
        leader = self.leader()
        leader.pause()
        self.for_a_while(1.2, 2.5)  # an election takes half a second to one
        leader.resume_if_paused()
        self.for_a_while(0.1, 0.5)

    def cut(self, machine, how):
        if how == "cable":
            self.net.pull_cable(machine.number)
        else:
            self.net.isolate(machine.number, receives=how == "it is heard by nobody", sends=how == "it hears nobody")
        self.for_a_while(0.8, 2)
        self.net.heal()
        self.for_a_while(0.1, 0.5)

    def cut_leader(self):
        self.cut(self.leader(), self.chance.choice(("cable", "from the others")))

    def leader_hears_nobody(self):
        self.cut(self.leader(), "it hears nobody")

    def leader_is_heard_by_nobody(self):
        self.cut(self.leader(), "it is heard by nobody")

    def cut_follower(self):
        self.cut(self.follower(), self.chance.choice(("cable", "from the others", "it hears nobody",
                                                      "it is heard by nobody")))

    def cut_one_pair(self):
        """Two nodes do not reach each other; the third reaches both."""
        one, other = self.chance.sample(self.net.nodes, 2)
        self.net.cut_between(one, other)
        self.for_a_while(0.8, 2)
        self.net.heal()

    def shift_clocks(self):
        machine = self.anyone() if self.chance.random() < 0.5 else self.cluster.leader()
        machine.set_clock(self.chance.choice((-1, 1)) * self.chance.randrange(MINUTE_MS, 4 * MINUTE_MS))
        self.for_a_while()
        if self.chance.random() < 0.5:
            self.kill(self.leader())

    def fill_disk(self):
        machine = self.cluster[DISK_MACHINE]
        if self.cluster.leader() is not machine and self.chance.random() < 0.5:
            self.cluster.leader().control("cluster-transfer", node=machine.number)
        machine.fill_disk()
        self.for_a_while(1, 2)
        machine.empty_disk()

    def slow_links(self):
        slow = self.chance.sample(self.net.nodes, self.chance.randrange(1, len(self.net.nodes) + 1))
        for node in slow:
            self.net.slow(node, bytes_a_second=self.chance.randrange(40_000, 250_000),
                          latency_ms=self.chance.randrange(5, 60))
        self.for_a_while(1, 2)
        if self.chance.random() < 0.5:
            self.net.tell_proxy(slow[0], "drop")
            self.for_a_while()

    def anything(self):
        self.chance.choice((self.kill_any, self.kill_leader, self.pause_leader, self.cut_leader,
                            self.leader_hears_nobody, self.leader_is_heard_by_nobody, self.cut_follower,
                            self.cut_one_pair, self.shift_clocks, self.fill_disk, self.slow_links))()
