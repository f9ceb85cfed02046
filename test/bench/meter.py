# SPDX-License-Identifier: Apache-2.0
"""CPU and memory of one server with all its processes.

With a cgroup v2 that we may write to, a server runs in a group of its own: its cpu.stat counts
every process that ever lived in it. Without one, CPU is summed over the process tree from /proc:
each process with the children it has waited for. That misses orphans, and the report says which
meter was used.
"""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import postern  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cgroup_root():
    """The cgroup v2 folder of this process, if we may make groups in it."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind != "cgroup2":
            continue
        own = next(
            x[3:]
            for x in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
            if x.startswith("0::")
        )
        folder = pathlib.Path(where + own)
        return folder if os.access(folder, os.W_OK) else None
    return None


class Group:
    """A cgroup for one server: use enter() as preexec_fn of what starts it."""

    kind = "cgroup"

    def __init__(self, name):
        self.path = cgroup_root() / f"postern-bench-{os.getpid()}-{name}"
        self.path.mkdir()

    def enter(self):
        (self.path / "cgroup.procs").write_text("0")

    def pids(self):
        return [int(p) for p in (self.path / "cgroup.procs").read_text().split()]

    def cpu_s(self):
        first = (self.path / "cpu.stat").read_text().split()
        return int(first[1]) / 1e6

    def close(self):
        """End what is left in the group and remove it."""
        if (self.path / "cgroup.kill").exists():
            (self.path / "cgroup.kill").write_text("1")
        postern.wait_until(lambda: not self.pids(), 10, "group to empty")
        self.path.rmdir()


class Tree:
    """The same questions answered from /proc, for a user who may not make cgroups."""

    kind = "/proc"

    def __init__(self, _name):
        self.root = None  # set by whoever started the server

    def enter(self):
        pass

    def pids(self):
        return list(postern.process_tree(self.root)) if self.root else []

    def cpu_s(self):
        total = 0
        for pid in self.pids():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            total += sum(int(x) for x in stat.rpartition(")")[2].split()[11:15])
        return total / TICKS

    def close(self):
        pass


def meter(name):
    return Group(name) if cgroup_root() else Tree(name)


def pss_kb(pids):
    """Proportional set size of all the processes together."""
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(x.split()[1]) for x in text.splitlines() if x.startswith("Pss:")), 0)
    return total


def settled_pss_kb(m, within=0.005, quiet_s=4, most_s=60):
    """PSS once it has changed by less than `within` for quiet_s, or after most_s."""
    began = last_change = time.monotonic()
    value = pss_kb(m.pids())
    while time.monotonic() - last_change < quiet_s and time.monotonic() - began < most_s:
        time.sleep(0.5)
        now = pss_kb(m.pids())
        if abs(now - value) > within * max(value, 1):
            value, last_change = now, time.monotonic()
    return pss_kb(m.pids())


def drop_caches():
    """Forget the page cache; False when we may not."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False
