"""Make the sample of T 社区 anew (data/sample/), or check what is there (--check)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from making.folder import write_folder
from making.readback import check_folder

SAMPLE = Path(__file__).parent / "sample"


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 1 when a published total is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="read back and compare, write nothing")
    parser.add_argument("--out", type=Path, default=SAMPLE, help="the folder (data/sample)")
    options = parser.parse_args(arguments)
    if options.check:
        findings = check_folder(options.out)
        print(*findings, sep="\n")
        return 0 if all(finding.holds for finding in findings) else 1
    write_folder(options.out)
    print(*sorted(path.name for path in options.out.iterdir()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
