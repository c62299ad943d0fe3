"""What kinds of file are read, and how much of one: said once for the reader and its child process."""

from __future__ import annotations

from dataclasses import dataclass

from etl.errors import FileError

SPREADSHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".et"})
TEXTS = frozenset({".csv", ".tsv", ".txt"})
RECORDS = frozenset({".json"})
SUFFIXES = SPREADSHEETS | TEXTS | RECORDS

# A package so small is no bomb, however well it packs.
HARMLESS = 50_000_000
# As many as Excel has.
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384


@dataclass(frozen=True)
class Limits:
    """How much one file may take before it is refused.

    Parameters
    ----------
    size, unpacked
        Bytes of the file, and of everything packed into it.
    ratio
        How many times its own size it may unpack to; what is small unpacked may have any ratio.
    cells
        Cells of the whole file, the empty ones between them included.
    memory
        Bytes that the child process may take.
    seconds, bytes_per_second
        Processor time for a small file, and how much longer a large one may take.
    patience
        How many times as long it may take by the clock: on a busy machine, or from a slow disk.
    """

    size: int = 300_000_000
    unpacked: int = 2_000_000_000
    ratio: int = 200
    cells: int = 30_000_000
    memory: int = 1_000_000_000
    seconds: float = 8.0
    bytes_per_second: int = 200_000
    patience: float = 6.0

    def unpacked_from(self, packed: int) -> int:
        """Bytes that so many packed ones may unpack to."""
        return min(self.unpacked, max(packed * self.ratio, HARMLESS))

    def time_for(self, size: int) -> float:
        """Seconds of processor time that a file of so many bytes may take."""
        return self.seconds + size / self.bytes_per_second


LIMITS = Limits()


def too_many_cells(name: str, sheet: str, height: int, width: int) -> FileError:
    """The sentence about a sheet that is too large."""
    return FileError(
        f"《{name}》的工作表“{sheet}”有 {height}×{width} 个单元格，超过上限。"
        "请删去多余的空行空列后另存，或分成几个文件。"
    )


def unpacks_too_far(name: str, size: int) -> FileError:
    """The sentence about a file that unpacks to too many bytes."""
    return FileError(
        f"《{name}》解压后有 {size / 1e6:.0f} MB，超过上限，已停止读取。"
        "请删去多余的行和图片后另存为 xlsx，或分成几个文件。"
    )


def damaged(name: str) -> FileError:
    """The sentence about a file that is no whole table."""
    return FileError(
        f"《{name}》已损坏，或不是真正的表格文件。请用 Excel 或 WPS 打开后另存为 xlsx 再试。"
    )


def too_hungry(name: str, limits: Limits) -> FileError:
    """The sentence about a file that asks for more memory than one may have."""
    return FileError(
        f"《{name}》要占的内存超过上限（{limits.memory / 1e6:.0f} MB），已停止读取：可能文件已损坏，"
        "或在很远的行列里还有格子。请删去多余的空行空列后另存为 xlsx，或分成几个文件。"
    )
