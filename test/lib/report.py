# SPDX-License-Identifier: Apache-2.0
"""Counting checks. One Report per test program; finish() prints the line the runner reads.

    r = Report("clients")
    r.check("curl fetches", got == want, f"got {got!r}")
    r.skip("mbsync", "not installed")
    sys.exit(r.finish())
"""

import sys

import postern


class Report:
    def __init__(self, name, shown=20):
        postern.end_cleanly()
        self.name = name
        self.passed = 0
        self.failed = 0
        self.skipped = []
        self._shown = shown  # failures printed in full; the rest is only counted

    def check(self, what, ok, detail=""):
        """Count one check; returns ok. A failure prints what it was."""
        if ok:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= self._shown:
            print(f"FAIL {self.name}: {what}{': ' if detail else ''}{detail}", file=sys.stderr)
        return False

    def equal(self, what, got, want):
        return self.check(what, got == want, f"got {got!r}, want {want!r}")

    def skip(self, what, why):
        self.skipped.append((what, why))
        print(f"skip {self.name}: {what}: {why}")

    def finish(self):
        """Print the result; the exit status: 1 when something failed."""
        tail = f", {len(self.skipped)} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{tail}", flush=True)
        return 1 if self.failed else 0
