"""`make bombs`: files made to fill the memory, or half a directory; each is refused, and told why.

Each goes through the reader as `cordee import` calls it; measured is the most memory the process
held meanwhile beyond what it held before (Linux). Not about files that are right: a directory of
200,000 people takes what it takes.

Source: quality rules S7.
"""

from __future__ import annotations

import gc
import gzip
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.importer import MAX_BYTES, read_sheet

MOST_MIB = 200
MOST_FAULTS = 1001
HEADER = b"id,email,prenom,nom\n"
GOOD = b"A1,a1@exemple.invalid,L\xc3\xa9a,Martin\n"


@dataclass(frozen=True)
class Bomb:
    """A file, and the sentence it is refused with."""

    name: str
    says: str
    write: Callable[[Path, int], None]


def _zeros(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        stream.truncate(size)


def _repeated(begin: bytes, piece: bytes) -> Callable[[Path, int], None]:
    def write(path: Path, size: int) -> None:
        block = piece * (1 + 2**20 // len(piece))
        with path.open("wb") as stream:
            stream.write(begin)
            for _ in range(size // len(block) + 1):
                stream.write(block)

    return write


def _zip(path: Path, size: int) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("people.csv", "w", force_zip64=True) as inside,
    ):
        for _ in range(size // 2**20 + 1):
            inside.write(bytes(2**20))


def _xlsx(path: Path, size: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(min(size, 2**26)))


def _gzip(path: Path, size: int) -> None:
    with gzip.open(path, "wb") as stream:
        for _ in range(size // 2**20 + 1):
            stream.write(bytes(2**20))


def _text(encoding: str, text: str) -> Callable[[Path, int], None]:
    def write(path: Path, _size: int) -> None:
        path.write_bytes(text.encode(encoding))

    return write


def _mixed(path: Path, _size: int) -> None:
    path.write_bytes(HEADER + GOOD + "A2,a2@exemple.invalid,Zoé,Noël\n".encode("latin-1"))


def _faults(path: Path, _size: int) -> None:
    path.write_bytes(HEADER + b"x,y,z\n" * 150_000)


TABLE = "id,email,prenom,nom\nA1,a1@exemple.invalid,Léa,Martin\n"
BOMBS = (
    Bomb("zip", "import-is-packed", _zip),
    Bomb("gzip called CSV", "import-is-packed", _gzip),
    Bomb("XLSX", "import-is-spreadsheet", _xlsx),
    Bomb("one line of letters", "import-line-too-long", _repeated(b"", b"a")),
    Bomb("one line of emoji", "import-line-too-long", _repeated(HEADER, "🧗".encode())),
    Bomb("one line of NUL", "import-line-too-long", _zeros),
    Bomb("rows", "import-too-many-rows", _repeated(HEADER, GOOD)),
    Bomb("rows of nothing but a mark", "import-too-many-rows", _repeated(HEADER, b"a\n")),
    Bomb("cells", "import-too-many-columns", _repeated(b"id,nom", b",x" * 400_000 + b"\n")),
    Bomb("cells in a row", "import-too-many-columns", _repeated(HEADER, b"," * 900_000 + b"\n")),
    Bomb("an open quote", "import-bad-quotes", _repeated(HEADER + b'A1,"', b"a\n")),
    Bomb("rows with faults", "import-more-problems", _faults),
    Bomb("UTF-16", "import-is-utf16", _text("utf-16", TABLE)),
    Bomb("UTF-16 without a mark", "import-not-utf8", _text("utf-16-le", TABLE)),
    Bomb("latin-1", "import-not-utf8", _text("latin-1", TABLE)),
    Bomb("mixed encodings", "import-not-utf8", _mixed),
    Bomb("NUL in a name", "import-control-character", _text("utf-8", TABLE.replace("é", "\0"))),
    Bomb(
        "three marks of order", "import-column-missing", _text("utf-8-sig", "\ufeff\ufeff;x\n1;2\n")
    ),
)
"""Zip bombs unpack to the size given; of the others the file itself has it."""


def _status(name: str) -> float:
    """A figure of this process, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def throw(bomb: Bomb, folder: Path, size: int) -> tuple[set[str], float, float, int]:
    """Faults named, MiB more than before at most, seconds, and number of faults."""
    path = folder / "people.csv"
    bomb.write(path, size)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, begun = _status("VmRSS:"), time.perf_counter()
    with path.open("rb") as stream:
        sheet = read_sheet(stream.read(MAX_BYTES + 1), programme="emergence")
    taken, more = time.perf_counter() - begun, _status("VmHWM:") - before
    path.unlink()
    return {problem.problem_id for problem in sheet.problems}, more, taken, len(sheet.problems)


def main(sizes: Sequence[int]) -> int:
    """Throw each, in each size; 1 when a bar is missed."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            for bomb in BOMBS:
                said, more, seconds, count = throw(bomb, Path(folder), size)
                wanted = {bomb.says, "import-file-too-long"}
                well = bool(said & wanted) and more <= MOST_MIB and count <= MOST_FAULTS
                bad += not well
                print(f"{'ok  ' if well else 'MISS'} {size // 2**20:5} MiB {bomb.name:28}"
                      f" {more:6.1f} MiB more  {seconds:5.2f} s  {count} faults"
                      f" {', '.join(sorted(said))[:60]}")  # fmt: skip
    print(f"bar: refused with a sentence, at most {MOST_MIB} MiB more: "
          f"{'kept' if not bad else 'MISSED'}")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    # as big as is still read, and a gigabyte
    sys.exit(main([int(size) for size in sys.argv[1:]] or [60 * 2**20, 2**30]))
