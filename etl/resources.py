"""Where the files that come with the software lie, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

from etl.errors import FileError

_HERE = Path(__file__).parent
_PLACES = (_HERE / "_data", _HERE.parent / "data")


def sample_folder() -> Path:
    """The folder of the sample: the invented T 社区.

    Raises
    ------
    FileError
        The software was installed without it.
    """
    for place in _PLACES:
        if (place / "sample").is_dir():
            return place / "sample"
    raise FileError("安装里没有带示例数据。请用 shequ refresh 放入自己的表格，或重新安装。")
