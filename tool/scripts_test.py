# SPDX-License-Identifier: Apache-2.0
"""
The scripts of this folder, as far as they think: what tool/test counts, which seeds tool/fuzz
takes, which packages tool/deps wants.
"""
import importlib.machinery
import importlib.util
import os
import select
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True

passed = failed = 0


def load(name):
    loader = importlib.machinery.SourceFileLoader("tool_" + name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def check(name, got, want):
    global passed, failed
    if got == want:
        passed += 1
    else:
        failed += 1
        print(f"{name}: got {got!r}, want {want!r}")


def counting():
    test = load("test")
    rows = [
        ("good", "3 passed, 0 failed\n", 0, (3, 0, 0)),
        ("skipped", "3 passed, 0 failed, 2 skipped\n", 0, (3, 0, 2)),
        ("last counts", "1 passed, 9 failed\nx\n4 passed, 0 failed\n", 0, (4, 0, 0)),
        ("failed", "3 passed, 2 failed\n", 1, (3, 2, 0)),
        ("failed in words only", "3 passed, 2 failed\n", 0, (3, 2, 0)),
        ("failed by status only", "3 passed, 0 failed\n", 1, (3, 1, 0)),
        ("ended by a signal", "", -11, (0, 1, 0)),
        ("silent", "all is well\n", 0, (0, 1, 0)),
        ("tests nothing", "0 passed, 0 failed\n", 0, (0, 1, 0)),
        ("all skipped", "0 passed, 0 failed, 3 skipped\n", 0, (0, 0, 3)),
        ("named", "corpus: 3 passed, 0 failed\n", 0, (3, 0, 0)),
        ("not a line of its own", "so: there: 3 passed, 0 failed\n", 0, (0, 1, 0)),
    ]
    for name, text, status, want in rows:
        check(name, test.counts_in(text, status), want)
    check("words", test.words_for((1, 2, 0)), "1 passed, 2 failed")
    check("words with skipped", test.words_for((1, 2, 3)), "1 passed, 2 failed, 3 skipped")


def running():
    test = load("test")
    with tempfile.TemporaryDirectory() as folder:
        test.LOGS = folder
        status, text, _, _ = test.run("echo", ["sh", "-c", "echo out; echo err >&2; exit 3"])
        check("status and both outputs", (status, sorted(text.split())), (3, ["err", "out"]))
        status, text, seconds, _ = test.run("hang", ["sh", "-c", "sleep 60 & wait"], limit=0.2)
        check("a hanging suite is stopped", (status, seconds < 30), (-1, True))
        beside(test, folder)
        left = os.path.join(folder, "left")
        test.run("orphan", ["sh", "-c", f"(sleep 60; touch {left}) & echo $! >{folder}/pid"])
        with open(folder + "/pid", encoding="ascii") as f:
            check("what it left behind is stopped", is_running(int(f.read())), False)


def beside(test, folder):
    """Two of three wait for each other: they end only when they run at the same time."""
    os.mkfifo(folder + "/fifo")
    jobs = [("reads", ["sh", "-c", f"cat {folder}/fifo"]), ("hangs", ["sleep", "60"], 0.5),
        ("writes", ["sh", "-c", f"echo said >{folder}/fifo; exit 3"])]
    got = {name: (status, text) for name, (status, text, _, _) in test.run_all(jobs, 3)}
    check("three at a time", (got["reads"], got["writes"]), ((0, "said\n"), (3, "")))
    check("one of them too long", got["hangs"][0], -1)
    order = [name for name, _ in test.run_all([("b", ["true"]), ("a", ["true"])], 1)]
    check("one after another", order, ["b", "a"])


def folders():
    """What meson says of tests becomes counts, seeds that libFuzzer replays among them."""
    test = load("test")
    replay = "INFO: seed corpus: files: 7 min: 1b max: 15b total: 49b rss: 36Mb\n"
    rows = [
        ("its own counts", {"result": "OK", "stdout": "5 passed, 0 failed\n"}, [5, 0, 0]),
        ("says nothing", {"result": "OK"}, [1, 0, 0]),
        ("seeds", {"result": "OK", "stderr": replay}, [7, 0, 0]),
        ("a seed that crashes", {"result": "FAIL", "stderr": replay}, [0, 1, 0]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        test.LOGS = folder
        for name, row, want in rows:
            told = []
            test.tell = lambda _, counts, *rest, told=told: told.append(counts)
            test.tell_folder("x", [{"name": "x", **row}])
            check(name, told, [want])


def is_running(pid):
    """Does the process outlive the next five seconds?"""
    try:
        end = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    gone, _, _ = select.select([end], [], [], 5)
    os.close(end)
    return not gone


def seeds():
    fuzz = load("fuzz")
    with tempfile.TemporaryDirectory() as top:
        fuzz.TOP, fuzz.BUILD = top, top + "/build-fuzz"
        for name in ("codec", "list", "address-list"):
            os.makedirs(f"{top}/src/mail/corpus/{name}")
        rows = (("fuzz_mail_codec", "codec"), ("fuzz_mail_address_list", "address-list"),
            ("mail_list_fuzz", "list"), ("fuzz_mail_other", None))
        for target, want in rows:
            got = fuzz.beside(f"{fuzz.BUILD}/src/mail/{target}", ["corpus/*"], os.path.isdir)
            check(target, got and os.path.basename(got), want)


def packages():
    deps = load("deps")
    includes, rows = deps.read_list()
    build = {p for p, _ in deps.wanted("build", includes, rows)}
    test = {p for p, _ in deps.wanted("test", includes, rows)}
    everything = {p for p, _ in deps.wanted("all", includes, rows)}
    check("sets", sorted(includes), ["bench", "build", "fuzz", "run", "test"])
    check("build has a compiler", {"gcc", "meson", "ninja-build"} <= build, True)
    check("build has no peers", build & {"postfix", "swaks", "clang"}, set())
    check("test includes build and fuzz", build < test and "libclang-rt-14-dev" in test, True)
    check("all", test <= everything and "postfix" in everything, True)


for part in (counting, running, folders, seeds, packages):
    part()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
