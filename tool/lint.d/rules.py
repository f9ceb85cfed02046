# SPDX-License-Identifier: Apache-2.0
"""
The numbers, names and arrows that tool/lint enforces: the one place to read or to change a rule.
The files beside it only apply what stands here.
"""

# --- size --------------------------------------------------------------------------------------
FUNCTION_LINES = 60  # from the name to the closing brace, tables inside not counted
FUNCTION_PARAMETERS = 5
FUNCTION_NESTING = 3
FILE_LINES = 800  # tables (initialisers at file level) not counted
HEADER_LINES = 250
FOLDER_SOURCES = 25  # tests and fuzz targets not counted
FILE_OCTETS = 256 * 1024
COLUMNS = 100
ROW_COLUMNS = 160  # a row of a .def table is one line
HEAD_COMMENT = (3, 12)  # lines, the delimiters included

# --- include arrows ----------------------------------------------------------------------------
# folder -> what it may include besides itself. "proto/*" stands for each folder below proto.
LAYERS = {
    "base": set(),
    "mail": {"base"},
    "proto/*": {"base", "mail"},
    "proto/arc": {"base", "mail", "proto/dkim"},
    "proto/spf": {"base", "mail", "proto/dns"},
    "proto/dmarc": {"base", "mail", "proto/dns"},
    "filter": {"base", "mail"},
    "ipc": {"base"},
    "conf": {"base"},
    "sys": {"base"},
    "db": {"base", "sys"},
    "directory": {"base", "sys", "mail", "db"},
    "spool": {"base", "sys", "mail", "db"},
    "store": {"base", "sys", "mail", "db", "store/arrivals"},
    "store/arrivals": {"base", "sys", "mail", "db", "store"},
    "store/text": {"base", "sys", "mail", "db", "store"},
    "reach": {"base", "sys", "mail", "db"},
    "policy": {"base", "sys", "mail", "db"},
    "svc/accounts": {"base", "ipc", "conf", "sys", "store", "store/arrivals", "svc/common",
        "svc/account"},
    "svc/*": {"base", "mail", "proto/*", "proto/arc", "proto/dmarc", "proto/spf", "ipc", "conf",
        "sys", "db", "directory", "spool", "store", "store/text", "store/arrivals", "reach",
        "filter", "policy", "svc/common"},
    "ctl": {"base", "mail", "proto/*", "ipc", "conf", "sys", "db", "directory", "spool", "store",
        "reach", "svc/common", "svc/parent"},
    "ctl/outbound": {"base", "ctl", "mail", "proto/*", "ipc", "conf", "sys", "reach", "spool"},
    "ctl/inbound": {"base", "ctl", "mail", "ipc", "conf", "sys"},
    "ctl/sessions": {"base", "ctl", "ipc"},
    "ctl/dns": {"base", "ctl", "mail", "proto/*", "ipc", "conf", "sys"},
}
# Pure folders do no input or output: none of the system's doors may be included there.
PURE = ("base", "mail", "proto/", "filter")
DOORS = {"unistd.h", "fcntl.h", "time.h", "errno.h", "signal.h", "pthread.h", "poll.h", "dirent.h",
    "netdb.h", "locale.h", "setjmp.h", "ctype.h", "threads.h", "sqlite3.h", "termios.h"}
DOOR_FOLDERS = ("sys/", "netinet/", "net/", "linux/", "openssl/")

# --- names -------------------------------------------------------------------------------------
# folder -> prefixes of its non-static symbols. FILES: the stem of any file of the folder, or its
# beginning of three letters or more (address.c: address_, addr_). None: not checked.
FILES = "<file>"
PREFIXES = {
    "base": None,
    "mail": {"mail", FILES},
    "sys": {"sys", FILES},
    "store/text": {"store_text"},
    "store/arrivals": {"store_arrivals"},
    "svc/common": {"svc", "service", FILES},
    "ctl": {"ctl"},
    "ctl/outbound": {"ctl"},
    "ctl/dns": {"ctl"},
    "ctl/inbound": {"ctl"},
    "ctl/sessions": {"ctl"},
    "proto/imap/thread": {"imap_thread"},
}

# --- calls -------------------------------------------------------------------------------------
# words, where they may stand (file, or folder with a slash at its end; "tests"), what to do instead
CALLS = [
    ("malloc calloc realloc reallocarray free aligned_alloc posix_memalign strdup strndup asprintf "
        "vasprintf getline getdelim", ("src/base/mem.c",),
        "use an arena, or mem_zalloc/mem_resize/mem_drop of base/mem.h"),
    ("strcpy strcat strncpy strncat stpcpy stpncpy sprintf vsprintf gets alloca", (),
        "use str and buf (base/str.h, base/buf.h): every buffer has a ceiling"),
    ("strtok strtok_r sscanf scanf fscanf vsscanf atoi atol atoll atof strtol strtoul strtoll "
        "strtoull strtod strtof", (),
        "use str_u64, str_next, or a cursor of base/wire.h"),
    ("setjmp longjmp sigsetjmp siglongjmp", (), "return enum err; no jumps across functions"),
    ("system popen wordexp", (), "no shell anywhere; start a declared process through sys"),
    ("tmpnam mktemp tempnam", (), "use the file functions of sys"),
    ("rand srand random srandom drand48 lrand48 rand_r", (), "use the random functions of sys"),
    ("setlocale localeconv toupper tolower isalpha isdigit isalnum isspace isprint isxdigit "
        "isupper islower ispunct", (), "use the ascii_ functions of base/str.h: no locale here"),
    ("pthread_create thrd_create", (), "no threads; a loop or a process"),
    ("fork vfork clone execv execve execvp execvpe execl execlp execle fexecve posix_spawn "
        "posix_spawnp", ("src/sys/", "src/svc/parent/", "src/svc/accounts/", "test/"),
        "only the parent and the accounts zygote start processes, through sys"),
    ("printf vprintf puts putchar putc_unlocked stdout", ("src/ctl/", "tests", "tool/"),
        "services log through their log table; only ctl and tests print"),
    ("time clock_gettime gettimeofday clock localtime localtime_r gmtime gmtime_r mktime timegm "
        "strftime timespec_get", ("src/sys/", "test/"),
        "time comes in as data; read the clock through sys"),
    ("sleep usleep nanosleep clock_nanosleep", ("src/sys/",), "wait on the loop; no test sleeps"),
    ("errno perror", ("src/sys/", "src/db/", "tests", "tool/"),
        "errno stays inside sys; everything above it speaks enum err"),
    ("getenv secure_getenv setenv putenv", ("src/sys/", "tests"),
        "settings come from conf, not the environment"),
]

# --- words -------------------------------------------------------------------------------------
# Built from halves, so that this file passes its own check.
MACHINE_WORDS = ["/ro" + "ot/", "/tmp/" + "wt", "/tmp/" + "team", "/wo" + "rk/"]
UNFINISHED = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HACK)\b|(?i:\bnot (yet )?implemented\b|\bstub\b)"
