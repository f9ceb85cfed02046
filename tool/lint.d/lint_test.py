# SPDX-License-Identifier: Apache-2.0
"""
The lint against small sources: each row says which rules must speak, and that no other does.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import calls  # noqa: E402
import cfile  # noqa: E402
import names  # noqa: E402
import rules  # noqa: E402
import tree  # noqa: E402

HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/*\n * A test.\n */\n"
HASH = "# SPDX-License-Identifier: Apache-2.0\n"


def func(body, name="mail_f", args="void"):
    inside = "".join("\t" + line + "\n" for line in body.split("\n"))
    return f"{HEAD}\nstatic void\n{name}({args})\n{{\n{inside}}}\n"


def header(text, guard="MAIL_X_H"):
    return f"{HEAD}#ifndef {guard}\n#define {guard}\n\n{text}\n#endif\n"


LONG = "\n".join(["x();"] * 58)
TABLE = "static const int t[] = {\n" + "\t1,\n" * 80 + "};"
DEEP = "if (a) {\n\tfor (;;) {\n\t\twhile (b) {\n%s\t\t}\n\t}\n}"

# name, path, source, rules that must speak
ROWS = [
    ("clean", "src/mail/x.c", func("if (a) {\n\tb();\n}"), ""),
    ("no licence", "src/mail/x.c", "/*\n * A\n * B\n */\n", "spdx"),
    ("no head comment", "src/mail/x.c",
        "/* SPDX-License-Identifier: Apache-2.0 */\nint x;\n", "head"),
    ("head of one line", "src/mail/x.c",
        "/* SPDX-License-Identifier: Apache-2.0 */\n/* a */\n", "head"),
    ("wide", "src/mail/x.c", HEAD + "/* " + "w" * 100 + " */\n", "columns"),
    ("wide by tabs", "src/mail/x.c", func("\t" * 11 + "/* abcdef */"), "columns"),
    ("spaces", "src/mail/x.c", func("x();\n        y();"), "tabs"),
    ("spaces at the end", "src/mail/x.c", func("x(); "), "space"),
    ("60 lines", "src/mail/x.c", func("\n".join(["x();"] * 57)), ""),
    ("61 lines", "src/mail/x.c", func(LONG), "size"),
    ("table inside", "src/mail/x.c", func(TABLE + "\nx();"), ""),
    ("struct table inside", "src/mail/x.c",
        func("static const struct {\n\tint a;\n} t[] = {\n" + "\t{ 1 },\n" * 80 + "};\nx();"), ""),
    ("non-static table", "src/mail/x.c", func(TABLE.replace("static ", "")), "size"),
    ("5 parameters", "src/mail/x.c", func("x();", args="int a, int b, int c, int d, int e"), ""),
    ("6 parameters", "src/mail/x.c", func("x();", args="int a, int b, int c, int d, int e, int f"),
        "size"),
    ("nested commas", "src/mail/x.c",
        func("x();", args="int a, int (*f)(int, int, int), int b, int c, int d"), ""),
    ("depth 3", "src/mail/x.c", func(DEEP % ""), ""),
    ("depth 4", "src/mail/x.c", func(DEEP % "\t\t\tdo {\n\t\t\t} while (c);\n"), "nesting"),
    ("depth 4 by macro", "src/mail/x.c",
        func(DEEP % "\t\t\tLIST_EACH(it, l) {\n\t\t\t}\n"), "nesting"),
    ("else if is flat", "src/mail/x.c", func("if (a) {\n\tb();\n} else if (c) {\n\td();\n}"), ""),
    ("initialiser is no depth", "src/mail/x.c",
        func(DEEP % "\t\t\tx = (struct s){ { { 1 } } };\n"), ""),
    ("name not at column 0", "src/mail/x.c", HEAD + "\nstatic void f(void)\n{\n}\n", "layout"),
    ("if without braces", "src/mail/x.c", func("if (a)\n\tb();"), "braces"),
    ("else without braces", "src/mail/x.c", func("if (a) {\n\tb();\n} else\n\tc();"), "braces"),
    ("for without braces", "src/mail/x.c", func("for (;;)\n\tb();"), "braces"),
    ("while without body", "src/mail/x.c", func("while (a());"), "braces"),
    ("do while", "src/mail/x.c", func("do {\n\ta();\n} while (b);"), ""),
    ("each without braces", "src/mail/x.c", func("LIST_EACH(it, l)\n\tb();"), "braces"),
    ("word in a string", "src/mail/x.c", func('x("if (a) b; strcpy(");'), ""),
    ("word in a comment", "src/mail/x.c", func("/* strcpy() would be short. */"), ""),
    ("goto forward", "src/mail/x.c", func("goto out;\nout:\nx();"), ""),
    ("goto backward", "src/mail/x.c", func("again:\nx();\ngoto again;"), "goto"),
    ("malloc", "src/mail/x.c", func("x = malloc(3);"), "banned"),
    ("malloc in its file", "src/base/mem.c", func("x = malloc(3);", "mem_f"), ""),
    ("malloc by pointer", "src/mail/x.c", func("x.f = free;"), "banned"),
    ("member named free", "src/mail/x.c", func("x->free(x);"), ""),
    ("strcpy in a test", "src/mail/x_test.c", func("strcpy(a, b);"), "banned"),
    ("strcpy in a macro", "src/mail/x.c", HEAD + "#define F(a) strcpy(a, a)\n", "banned"),
    ("printf", "src/mail/x.c", func('printf("x");'), "banned"),
    ("printf in a test", "src/mail/x_test.c", func('printf("x");'), ""),
    ("printf in ctl", "src/ctl/x.c", func('printf("x");'), ""),
    ("clock", "src/spool/x.c", func("t = time(NULL);"), "banned"),
    ("clock in sys", "src/sys/x.c", func("t = time(NULL);"), ""),
    ("parameter named time", "src/spool/x.c", func("x(time);", args="int time"), ""),
    ("errno", "src/spool/x.c", func("e = errno;"), "banned"),
    ("errno in db", "src/db/x.c", func("e = errno;"), ""),
    ("fork", "src/svc/gate/x.c", func("fork();"), "banned"),
    ("fork in parent", "src/svc/parent/x.c", func("fork();"), ""),
    ("getenv", "src/conf/x.c", func('x = getenv("A");'), "banned"),
    ("sleep in a test", "src/spool/x_test.c", func("sleep(1);"), "banned"),
    ("recursion", "src/mail/x.c", func("mail_f();"), "recursion"),
    ("recursion of two", "src/mail/x.c",
        func("g();") + "\nstatic void\ng(void)\n{\n\tmail_f();\n}\n",
        "recursion"),
    ("return in a macro", "src/mail/x.c",
        HEAD + "#define R(x) do { return x; } while (0)\n", "macros"),
    ("TRY", "src/base/err.h", header("#define TRY(x) return x\n", "BASE_ERR_H"), ""),
    ("main in a macro", "src/mail/x.c", HEAD + "#define M(x) int main(void) { return x; }\n", ""),
    ("upward include", "src/mail/x.c", HEAD + '#include "sys/file.h"\n', "layers"),
    ("engine to engine", "src/proto/imap/x.c", HEAD + '#include "proto/smtp/smtp.h"\n', "layers"),
    ("engine to mail", "src/proto/imap/x.c", HEAD + '#include "mail/date.h"\n', ""),
    ("engine to system", "src/proto/imap/x.c", HEAD + "#include <unistd.h>\n", "layers"),
    ("store to proto", "src/store/x.c", HEAD + '#include "proto/imap/imap.h"\n', "layers"),
    ("service to service", "src/svc/gate/x.c", HEAD + '#include "svc/smtp/x.h"\n', "layers"),
    ("service to all", "src/svc/gate/x.c", HEAD + '#include "proto/imap/imap.h"\n', ""),
    ("private of another", "src/svc/gate/x.c", HEAD + '#include "store/store_priv.h"\n', "layers"),
    ("own private", "src/store/x.c", HEAD + '#include "store/store_priv.h"\n', ""),
    ("no path", "src/store/x.c", HEAD + '#include "store.h"\n', "includes"),
    ("source included", "src/store/x_test.c", HEAD + '#include "store/x.c"\n', "includes"),
    ("own header late", "src/store/x.c", HEAD + '#include "base/str.h"\n#include "store/x.h"\n',
        "includes"),
    ("unknown folder", "src/novel/x.c", HEAD + '#include "base/str.h"\n', "layers"),
    ("wrong prefix", "src/spool/x.c", func("x();", "put").replace("static ", ""), "names"),
    ("right prefix", "src/spool/x.c", func("x();", "spool_put").replace("static ", ""), ""),
    ("service prefix", "src/svc/gate/x.c", func("x();", "svc_gate_put").replace("static ", ""), ""),
    ("short service prefix", "src/svc/gate/x.c", func("x();", "gate_put").replace("static ", ""),
        "names"),
    ("file prefix", "src/mail/address.c", func("x();", "addr_put").replace("static ", ""), ""),
    ("base is free", "src/base/x.c", func("x();", "anything").replace("static ", ""), ""),
    ("no guard", "src/mail/x.h", HEAD + "int x;\n", "guard"),
    ("documented", "src/mail/x.h", header("/* Does x. */\nint mail_x(void);\n"), ""),
    ("documented behind", "src/mail/x.h", header("int mail_x(void); /* does x */\n"), ""),
    ("documented group", "src/mail/x.h",
        header("/* Do. */\nint mail_x(void);\nint mail_y(void);\n"), ""),
    ("undocumented", "src/mail/x.h", header("int mail_x(void);\n"), "docs"),
    ("undocumented after a gap", "src/mail/x.h",
        header("/* Do. */\n\nint mail_x(void);\n"), "docs"),
    ("undocumented inline", "src/mail/x.h",
        header("static inline int\nmail_x(void)\n{\n}\n"), "docs"),
    ("private header", "src/mail/x_priv.h", header("int mail_x(void);\n", "MAIL_X_PRIV_H"), ""),
    ("no errors said", "src/mail/x.h", header("/* Does x. */\nenum err mail_x(void);\n"), "docs"),
    ("errors said", "src/mail/x.h", header("/* Errors  ERR_X */\nenum err mail_x(void);\n"), ""),
    ("unfinished", "src/mail/x.c", func("/* TO" + "DO: more */"), "unfinished"),
    ("unfinished stub", "src/mail/x.c", func("/* a st" + "ub */"), "unfinished"),
    ("unbalanced", "src/mail/x.c", HEAD + "#if A\nvoid f(void) {\n#endif\n", "braces"),
    ("table", "src/mail/x.def",
        HEAD.replace("A test", "ROW(name, text)") + 'ROW(A, "says it")\n', ""),
    ("wide row", "src/mail/x.def",
        HEAD.replace("A test", "ROW(name, text)") + 'ROW(A, "' + "w" * 140 + '")\n', ""),
    ("too wide row", "src/mail/x.def",
        HEAD.replace("A test", "ROW(name, text)") + 'ROW(A, "' + "w" * 160 + '")\n', "columns"),
    ("unexplained table", "src/mail/x.def", HEAD + 'ROW(A, "says it")\n', "docs"),
    ("undocumented row", "src/mail/x.def",
        HEAD.replace("A test", "ROW(name)") + "\nROW(A)\n", "docs"),
    ("edge", "src/ipc/x.def", HASH + "# An edge.\nedge x a b\n", ""),
    ("edge without head", "src/ipc/x.def", HASH + "edge x a b\n", "head"),
    ("long header", "src/mail/x.h", header("int x;\n" * 246), "size"),
    ("long file", "src/mail/x.c", HEAD + "int x;\n" * 797, "size"),
    ("long table file", "src/mail/x.c",
        HEAD + "static int x[] = {\n" + "\t1,\n" * 900 + "};\n", ""),
    ("machine path", "doc/x.md", "see /ro" + "ot/x\n", "machine"),
    ("script without licence", "tool/x.py", "pass\n", "spdx"),
    ("left by a test", "queue-test/1.log", "\0" * (rules.FILE_OCTETS + 1), "size"),
    ("as large as a file may be", "doc/x.bin", "\0" * rules.FILE_OCTETS, ""),
]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def rules_for(path, text):
    write(path, text)
    names.CACHE.clear()
    found = []
    if path.endswith((".c", ".h", ".def")):
        found, fact = cfile.check(path)
        found += calls.check_calls([fact]) + names.check([fact], [])
    found += [f for f in tree.check([path]) if f[2] != "readme"]
    os.unlink(path)
    return {f[2] for f in found}


def folder_rules():
    """What the lint says of a folder with one source too many, and of one that just fits."""
    paths = [f"src/mail/f{n}.c" for n in range(rules.FOLDER_SOURCES + 1)]
    for path in (*paths, "src/mail/README.md"):
        write(path, "\n")
    full = {f[2] for f in tree.check(paths)}
    fits = {f[2] for f in tree.check(paths[1:] + ["src/mail/README.md"])}
    return full, fits


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, path, text, want in ROWS:
            got = rules_for(path, text)
            if got == set(want.split()):
                passed += 1
            else:
                failed += 1
                print(f"{name}: got {sorted(got)}, want {want.split()}")
        full, fits = folder_rules()
        for name, ok in (("full folder", full == {"size", "readme"}), ("folder fits", not fits)):
            passed, failed = passed + ok, failed + (not ok)
            if not ok:
                print(name, full, fits)
        os.chdir("/")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
