# SPDX-License-Identifier: Apache-2.0
"""How long functions and files below src/ are (style guide, section 7). Reports; judges nobody. Usage: sizes.py"""

import json
import subprocess
from pathlib import Path


def functions(files):
    tags = subprocess.run(['ctags', '--output-format=json', '--fields=+ne', '--c-kinds=f', '-f', '-', *files],
                          check=True, capture_output=True, text=True).stdout
    for line in tags.splitlines():
        tag = json.loads(line)
        if 'end' in tag:
            yield tag['end'] - tag['line'] + 1, f"{tag['path']}:{tag['line']} {tag['name']}"


def report(what, sizes, bar, most):
    sizes = sorted(sizes, reverse=True)
    lines = [size for size, _ in sizes]
    over = sum(size > bar for size in lines)
    print(f'{len(lines)} {what}: median {lines[len(lines) // 2]} lines, 95 % under {lines[len(lines) // 20]}, longest {lines[0]}; '
          f'{over} over {bar}')
    for size, where in sizes[:most]:
        print(f'  {size:5}  {where}')


def main():
    root = Path(__file__).resolve().parent.parent
    files = sorted(str(p.relative_to(Path.cwd())) if p.is_relative_to(Path.cwd()) else str(p)
                   for p in (root / 'src').rglob('*') if p.suffix in ('.c', '.h'))
    report('functions', functions(f for f in files if f.endswith('.c')), 60, 15)
    report('files', ((len(Path(f).read_text(encoding='utf-8').splitlines()), f) for f in files), 500, 10)


if __name__ == '__main__':
    main()
