# SPDX-License-Identifier: Apache-2.0
"""A row of the table: the sides take turns, the median of their runs, and how it is printed.

main() is what the rows with servers of their own (inbound.py, outbound.py) do when called alone.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import measure  # noqa: E402
import paper  # noqa: E402
import peers  # noqa: E402
import postern  # noqa: E402

MAIL_COLUMNS = [
    ("stored_per_s", "stored", "msg/s", True),
    ("accepted_per_s", "accepted", "msg/s", True),
    ("cpu_ms", "CPU", "ms/msg", False),
    ("p50_ms", "250, p50", "ms", False),
    ("p99_ms", "250, p99", "ms", False),
]


def middle(runs):
    """The median of every number over the runs; words from the last."""
    keys = runs[-1]
    return {
        k: (measure.median([r[k] for r in runs]) if isinstance(keys[k], float) else keys[k])
        for k in keys
    }


def take_turns(sides, runs, question):
    """{side name: median result}; a side that fails tells why instead."""
    results = {s.name: [] for s in sides}
    for _ in range(runs):
        for side in sides:
            try:
                results[side.name].append(question(side))
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                results[side.name].append({"failed": str(e)[:300]})
    return {
        n: next((r for r in rs if "failed" in r), None) or middle(rs) for n, rs in results.items()
    }


def show(name, result, columns):
    """One printed line per measured number."""
    for key, label, unit, higher in columns:
        cells = []
        for side in (peers.Peers.name, "Postern"):
            r = result.get(side)
            value = None if r is None else r.get(key)
            text = f"{value:.2f}" if isinstance(value, float) else str(value)
            cells.append("failed" if r and "failed" in r else "-" if value is None else text)
        by = paper.better(result, key, higher)
        print(f"{name:<40} {label:<12} {cells[0]:>10} {cells[1]:>10} {unit:<6}", end=" ")
        print(f"{by:>7.1f} x" if by else "      -", flush=True)
        name = ""
    for side, r in result.items():
        if r.get("failed") or r.get("errors"):
            print(f"    {side}: {r.get('failed') or str(r['errors']) + ' errors: ' + r['reason']}")


def main(row):
    """row: a module with options() and measure_all()."""
    postern.end_cleanly()
    o = row.options()
    with tempfile.TemporaryDirectory(prefix="postern-cert.") as certificate:
        postern.make_certificate(certificate)
        result = row.measure_all(o, certificate)
    if o.out:
        pathlib.Path(o.out).write_text(json.dumps({"options": vars(o), "result": result}) + "\n")
