# SPDX-License-Identifier: Apache-2.0
"""A model of a disk: what a power cut leaves of recorded operations.

    d = Disk(root_path)
    for op in record.read(path): d.apply(op)        # up to the cut
    d.leave(random.Random(seed), "/somewhere")      # the folder as it may be found afterwards

The rules, stricter than any file system in use:
- Octets of a file last when fsync or fdatasync of it began after they were written, and succeeded.
  Of everything younger each 4 KB page is found in any one of its states since then, on its own.
- The size lasts with the data; unsynced it is any size the file had since then. Gaps read as zeros.
- A name (made, renamed, linked, removed) lasts when its folder was synced afterwards; syncing the
  file is not enough. Unsynced changes of names are found either up to some moment, as a journal
  keeps them, or each one or not, as long as the changes of one name stay in order.
- Owner and mode are there when the file is.
"""

import os
import pathlib

import record

PAGE = 4096


class File:
    """Octets: `pages` and `size` are safe, `young` came later: (sequence, kind, offset, data)."""

    is_folder = False

    def __init__(self, owner, mode):
        self.owner = owner  # (user, group)
        self.mode = mode
        self.pages = {}
        self.size = 0
        self.young = []

    def sync(self, before):
        """Everything numbered below `before` is safe."""
        n = 0
        while n < len(self.young) and self.young[n][0] < before:
            _, kind, at, data = self.young[n]
            self.size = self._play(self.pages, self.size, kind, at, data)
            n += 1
        del self.young[:n]

    @classmethod
    def _play(cls, pages, size, kind, at, data):
        """Apply one change to pages; the new size."""
        if kind == record.WRITE:
            for number, start, piece in split(at, data):
                pages[number] = overlay(pages.get(number, b""), start, piece)
            return max(size, at + len(data))
        if kind == record.SIZE:
            cls._cut(pages, at)
            return at
        return max(size, at)

    @staticmethod
    def _cut(pages, size):
        last = size // PAGE
        for number in [n for n in pages if n >= last]:
            if number > last or size % PAGE == 0:
                del pages[number]
            else:
                pages[number] = pages[number][: size % PAGE]

    def latest(self):
        """(pages, size) as a running program sees them."""
        pages, size = dict(self.pages), self.size
        for _, kind, at, data in self.young:
            size = self._play(pages, size, kind, at, data)
        return pages, size

    def found(self, rng):
        """(pages, size) as they may be found after a cut."""
        if not self.young:
            return self.pages, self.size
        sizes, states = [self.size], {}
        pages, size = dict(self.pages), self.size
        for _, kind, at, data in self.young:
            size = self._play(pages, size, kind, at, data)
            sizes.append(size)
            for number in touched(kind, at, data, states, self.pages):
                states.setdefault(number, [self.pages.get(number)]).append(pages.get(number))
        kept = dict(self.pages)
        for number, choices in states.items():
            choice = choose(rng, choices)
            if choice is None:
                kept.pop(number, None)
            else:
                kept[number] = choice
        size = choose(rng, sizes)
        self._cut(kept, size)
        return kept, size

    def content(self, octets):
        """The last safe octets, for searching: (offset, octets) of runs of pages."""
        runs, last = [], None
        least = max(self.pages, default=0) - octets // PAGE
        for number in sorted(n for n in self.pages if n >= least):
            if last is not None and number == last + 1 and len(runs[-1][1][-1]) == PAGE:
                runs[-1][1].append(self.pages[number])
            else:
                runs.append((number * PAGE, [self.pages[number]]))
            last = number
        return [(at, b"".join(pieces)) for at, pieces in runs]


def choose(rng, states):
    """Mostly the oldest or the newest: what disks do."""
    lot = rng.random()
    return states[0] if lot < 0.4 else states[-1] if lot < 0.8 else rng.choice(states)


def touched(kind, at, data, states, safe):
    if kind == record.WRITE:
        return [number for number, _, _ in split(at, data)]
    if kind == record.SIZE:
        return [n for n in {*states, *safe} if (n + 1) * PAGE > at]
    return []


def split(at, data):
    """(page number, offset in the page, octets)."""
    pieces, done = [], 0
    while done < len(data):
        number, start = divmod(at + done, PAGE)
        take = min(PAGE - start, len(data) - done)
        pieces.append((number, start, data[done : done + take]))
        done += take
    return pieces


def overlay(page, start, piece):
    if start == 0 and len(piece) >= len(page):
        return piece
    page = page.ljust(start, b"\0")
    return page[:start] + piece + page[start + len(piece) :]


class Folder:
    is_folder = True

    def __init__(self, owner, mode):
        self.owner = owner  # (user, group)
        self.mode = mode
        self.names = {}  # as a running program sees them
        self.safe = {}  # what is certain to be found


class Change:
    """One change of names: {(folder, name): what it names afterwards, or None}, all or nothing."""

    def __init__(self, sequence, entries):
        self.sequence = sequence
        self.entries = entries


class Disk:
    def __init__(self, root_path):
        self.root_path = os.path.realpath(root_path)
        self.root = Folder((os.getuid(), os.getgid()), 0o711)
        self.by_inode = {os.stat(root_path).st_ino: self.root}
        self.changes = []  # of names, not safe yet
        self.open_syncs = {}
        self.sequence = 0
        self.unknown = 0  # operations on files we never saw made

    # --- finding ---------------------------------------------------------------------------

    def _resolve(self, inode, path):
        """(folder, last name), or None when it is not below the root."""
        at = self.by_inode.get(inode) if inode else self.root
        if inode == 0:
            if not path.startswith(self.root_path + "/"):
                return None
            path = path[len(self.root_path) + 1 :]
        parts = [p for p in path.split("/") if p not in ("", ".")]
        for part in parts[:-1]:
            at = at.names.get(part) if at is not None and at.is_folder else None
        if at is None or not at.is_folder or not parts:
            return None
        return at, parts[-1]

    def _change(self, entries):
        for (folder, name), target in entries.items():
            if target is None:
                folder.names.pop(name, None)
            else:
                folder.names[name] = target
        self.changes.append(Change(self.sequence, entries))

    # --- operations ------------------------------------------------------------------------

    def apply(self, op):
        self.sequence += 1
        handler = self.HANDLERS.get(op.op)
        if handler is not None:
            handler(self, op)

    def _make(self, op):
        place = self._resolve(op.inode, op.path)
        if place is None:
            return
        known = self.by_inode.get(op.made)
        if known is not None and place[0].names.get(place[1]) is known:
            return  # it was there and was only opened
        kind = Folder if op.op == record.MAKE_DIR else File
        made = self.by_inode[op.made] = kind((op.owner, op.group), op.value)
        self._change({place: made})

    def _make_anon(self, op):
        self.by_inode[op.made] = File((op.owner, op.group), op.value)

    def _octets(self, op):
        f = self.by_inode.get(op.inode)
        if f is None or f.is_folder:
            self.unknown += 1
            return
        f.young.append((self.sequence, op.op, op.value, op.data))

    def _sync(self, op):
        self.open_syncs[op.pid, op.inode] = self.sequence

    def _synced(self, op):
        began = self.open_syncs.pop((op.pid, op.inode), None)
        thing = self.by_inode.get(op.inode)
        if thing is None or began is None:
            return
        if thing.is_folder:
            self._sync_names(thing, began)
        else:
            thing.sync(began)

    def _sync_names(self, folder, before):
        """A change that touches this folder is safe, and so is what led to it under these names."""
        left = []
        for c in self.changes:
            if c.sequence < before and any(f is folder for f, _ in c.entries):
                self._settle(c)
            else:
                left.append(c)
        self.changes = left

    @staticmethod
    def _settle(change):
        for (folder, name), target in change.entries.items():
            if target is None:
                folder.safe.pop(name, None)
            else:
                folder.safe[name] = target

    def _rename(self, op):
        source = self._resolve(op.inode, op.path)
        target = self._resolve(op.made, op.data.decode("utf-8", "surrogateescape"))
        if source is None or target is None:
            return
        thing = source[0].names.get(source[1])
        entries = {target: thing}
        if op.op == record.RENAME:
            entries[source] = None
        if thing is not None:
            self._change(entries)

    def _remove(self, op):
        place = self._resolve(op.inode, op.path)
        if place is not None and place[1] in place[0].names:
            self._change({place: None})

    def _owner(self, op):
        thing = self.by_inode.get(op.inode)
        if thing is not None:
            thing.owner, thing.mode = (op.owner, op.group), op.value

    HANDLERS = {
        record.MAKE: _make,
        record.MAKE_DIR: _make,
        record.MAKE_ANON: _make_anon,
        record.WRITE: _octets,
        record.SIZE: _octets,
        record.GROW: _octets,
        record.SYNC: _sync,
        record.SYNCED: _synced,
        record.RENAME: _rename,
        record.LINK: _rename,
        record.REMOVE: _remove,
        record.OWNER: _owner,
        record.MODE: _owner,
    }

    # --- the cut ---------------------------------------------------------------------------

    def survivors(self, rng):
        """The young changes of names that are found."""
        if rng.random() < 0.5:
            return self.changes[: rng.randint(0, len(self.changes))]
        kept, broken = [], set()
        for c in self.changes:
            if rng.random() < 0.5 and not broken & set(c.entries):
                kept.append(c)
            else:
                broken |= set(c.entries)
        return kept

    def names_found(self, rng):
        """{folder: {name: thing}}."""
        found = {}
        for c in self.survivors(rng):
            for (folder, name), target in c.entries.items():
                found.setdefault(folder, dict(folder.safe))[name] = target
        return found

    def leave(self, rng, where):
        """Write what is found below the root into the empty folder `where`."""
        found = self.names_found(rng)
        todo = [(self.root, pathlib.Path(where))]
        for folder, path in todo:
            for name, thing in sorted(found.get(folder, folder.safe).items()):
                if thing is None:
                    continue
                if thing.is_folder:
                    (path / name).mkdir()
                    todo.append((thing, path / name))
                else:
                    write_sparse(path / name, *thing.found(rng))
                give(path / name, thing)

    def safe_files(self, path):
        """The files that are certain to be found in a folder given relative to the root."""
        at = self.root
        for part in path.split("/"):
            at = at.safe.get(part) if at is not None and at.is_folder else None
        return [f for f in at.safe.values() if not f.is_folder] if at is not None else []


def write_sparse(path, pages, size):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    for number, page in pages.items():
        os.pwrite(fd, page, number * PAGE)
    os.ftruncate(fd, size)
    os.close(fd)


def give(path, thing):
    if os.geteuid() == 0:
        os.chown(path, *thing.owner)
    os.chmod(path, thing.mode)
