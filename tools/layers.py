# SPDX-License-Identifier: Apache-2.0
"""Holds the layers: reads every #include below src/ and refuses what tools/layers.txt does not allow.

Refused: an include of a folder that the including folder may not know; a folder that the table does not name; a circle between files
(x.c, x.h and x_int.h count as one file: x); a library outside its place; an include that is computed or leads nowhere.
Usage: layers.py [--src DIR] [--table FILE]. Prints one line per fault; exit code 1 when there is one.
"""

import argparse
import fnmatch
import os
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\b[ \t]*(.*)$', re.M)
TARGET = re.compile(r'(?:"([^"]+)"|<([^>]+)>)')
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


class TableError(Exception):
    pass


class Table:
    """The layers and the places of the libraries."""

    def __init__(self, text):
        self.layers = {}
        self.libraries = []  # (header patterns, file patterns, sealed)
        self.rooms = {}  # a file's room, where it is another file's
        for number, line in enumerate(text.splitlines(), 1):
            rule = line.split('#')[0].strip()
            if rule:
                self._read(number, rule)

    def _read(self, number, line):
        head, colon, rest = line.partition(':')
        words, values = head.split(), rest.split()
        if not colon or len(words) < 2:
            raise TableError(f'line {number}: not understood: {line}')
        if words[0] == 'layer' and len(words) == 2:
            unknown = [v for v in values if v not in self.layers]
            if unknown:
                raise TableError(f'line {number}: {words[1]} may not include {unknown[0]}, which does not stand above it')
            self.layers[words[1]] = {words[1], *values}
        elif words[0] == 'room' and len(words) == 2:
            self.rooms.update(dict.fromkeys(values, words[1]))
        elif words[0] == 'library' or words[:2] == ['sealed', 'library']:
            sealed = words[0] == 'sealed'
            self.libraries.append((words[1 + sealed:], values, sealed))
        else:
            raise TableError(f'line {number}: not understood: {line}')

    def library(self, header):
        """The rule for a header: the first that names it."""
        return next((rule for rule in self.libraries if matches(header, rule[0])), None)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def without_comments(text):
    def blank(found):
        kept = found.group(0)
        return kept if kept.startswith('"') else '\n' * kept.count('\n')
    return COMMENT.sub(blank, text.replace('\\\n', ''))


class Tree:
    """The files below src/ and what each includes."""

    def __init__(self, src):
        self.src = Path(src)
        self.faults = []
        names = sorted(p.relative_to(self.src).as_posix() for p in self.src.rglob('*') if p.suffix in ('.c', '.h', '.def'))
        self.includes = {name: [] for name in names}  # our files
        self.libraries = {name: [] for name in names}  # everybody else's headers
        for name in names:
            self._read(name)

    def _read(self, name):
        for found in INCLUDE.finditer(without_comments((self.src / name).read_text(encoding='utf-8', errors='replace'))):
            target = TARGET.match(found.group(1))
            if not target:
                self.faults.append(f'{name}: an include that is computed: {found.group(0).strip()}')
                continue
            quoted, angled = target.groups()
            ours = self._ours(name, quoted or angled, quoted is not None)
            if ours:
                self.includes[name].append(ours)
            else:
                self.libraries[name].append((quoted or angled, quoted is not None))

    def _ours(self, name, target, quoted):
        places = [os.path.dirname(name)] if quoted else []
        for place in [*places, '']:
            path = os.path.normpath(os.path.join(place, target)).replace(os.sep, '/')
            if path in self.includes:
                return path
        return None


def folder(name):
    return name.split('/')[0] if '/' in name else ''


def check_layers(tree, table):
    for name, includes in tree.includes.items():
        may = table.layers.get(folder(name))
        if may is None:
            yield f'{name}: folder "{folder(name)}" is not in the table'
            continue
        for target in includes:
            if folder(target) not in may:
                yield f'{name}: {folder(name)}/ may not include {target}'


def check_libraries(tree, table):
    for name, headers in tree.libraries.items():
        for header, quoted in headers:
            rule = table.library(header)
            if not rule and quoted:
                yield f'{name}: "{header}" is no file below src/ and no known library'
            if rule and not matches(name, rule[1]):
                yield f'{name}: <{header}> belongs to {" ".join(rule[1])} alone'


def reach(tree, name):
    """Our files that an include of `name` brings along, itself included."""
    seen, todo = set(), [name]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo.extend(tree.includes[at])
    return seen


def check_sealed(tree, table):
    for rule in table.libraries:
        patterns, places, sealed = rule
        if not sealed:
            continue
        carriers = {n for n, headers in tree.libraries.items() if any(table.library(h) is rule for h, _ in headers)}
        for name in tree.includes:
            through = (reach(tree, name) & carriers) - {name}
            if through and not matches(name, places):
                yield f'{name}: reaches {" ".join(patterns)} through {min(through)}; it is sealed in {" ".join(places)}'


def rooms(tree, table):
    """The graph of files, x.c, x.h and x_int.h being one, and what the table calls one room."""
    def room_of(name):
        stem, ext = os.path.splitext(name)
        room = name if ext == '.def' else stem.removesuffix('_int')
        return table.rooms.get(room, room)

    graph = {}
    for name, includes in tree.includes.items():
        graph.setdefault(room_of(name), set()).update(map(room_of, includes))
    for room, targets in graph.items():
        targets.discard(room)
    return graph


def circles(graph):
    """One line per circle found, by a depth-first walk without recursion."""
    done = set()
    for start in sorted(graph):
        path, on_path, todo = [], set(), [(start, False)]
        while todo:
            room, leaving = todo.pop()
            if leaving:
                on_path.discard(path.pop())
                done.add(room)
            elif room in on_path:
                yield 'a circle: ' + ' -> '.join([*path[path.index(room):], room])
            elif room not in done:
                path.append(room)
                on_path.add(room)
                todo.append((room, True))
                todo.extend((target, False) for target in sorted(graph.get(room, ()), reverse=True))


def check_circles(tree, table):
    """Of files that include one another (never allowed, not even within a room), else of rooms."""
    return list(circles(tree.includes)) or list(circles(rooms(tree, table)))


def faults(src, table_text):
    table, tree = Table(table_text), Tree(src)
    return [*tree.faults, *check_layers(tree, table), *check_libraries(tree, table), *check_sealed(tree, table),
            *check_circles(tree, table)]


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--src', default=here.parent / 'src')
    parser.add_argument('--table', default=here / 'layers.txt')
    args = parser.parse_args()
    try:
        found = faults(args.src, Path(args.table).read_text(encoding='utf-8'))
    except TableError as why:
        found = [f'{args.table}: {why}']
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
