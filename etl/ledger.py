"""What is written down of every sheet: its quarantine, its issues, and the record of its file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.check import Issue
from etl.ddl import literal
from etl.questions import mark_list
from etl.report import SheetReport
from etl.store import Writer
from etl.table import Table
from etl.tables import BY_NAME
from etl.tables.records import FILES, ISSUES, QUARANTINE

Origin = tuple[str, str]
# Of so many cells of a row one may have been mended.
MENDED_SHARE = 3


class Ledger:
    """The records of one refresh, put in the place of what stood there of the same sheets."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.origins: list[Origin] = []
        self._records: dict[str, list[pd.DataFrame]] = defaultdict(list)
        self._good: dict[str, list[pa.Array]] = defaultdict(list)

    def keep(
        self,
        origin: Origin,
        report: SheetReport,
        sha256: str,
        issues: Sequence[Issue],
        bad_rows: Mapping[int, Sequence[str]],
        bad_cells: Mapping[int, Mapping[str, str]],
        bad_keys: Mapping[int, str],
    ) -> None:
        """Note down what a table on a sheet came to."""
        file, sheet = origin
        place = {"file": file, "sheet": sheet, "snapshot": self.writer.snapshot}
        quarantine = [
            {
                **place,
                "row": row,
                "table": report.table,
                "problem": "；".join(dict.fromkeys(problems)),
                "cells": json.dumps(bad_cells.get(row, {}), ensure_ascii=False),
                "key": bad_keys.get(row),
            }
            for row, problems in bad_rows.items()
        ]
        record = {
            **place,
            "sha256": sha256,
            "table": report.table,
            "rows_read": report.rows_read,
            "rows_loaded": report.rows_new + report.rows_changed + report.rows_unchanged,
            "rows_quarantined": report.rows_quarantined,
            "rows_recognised": report.rows_recognised,
            "masked_count": report.masked,
            "unknown_columns": "、".join(report.unknown_columns),
            "refreshed_at": datetime.now(UTC).replace(microsecond=0, tzinfo=None),
            "who": self.writer.who,
        }
        self.origins.append(origin)
        told = [{**vars(issue), **place} for issue in issues]
        for table, rows in ((QUARANTINE, quarantine), (ISSUES, told), (FILES, [record])):
            self._note(table, rows)

    def _note(self, table: Table, rows: list[dict[str, object]]) -> None:
        if rows:
            frame = pd.DataFrame(rows, columns=[c.name for c in table.columns])
            self._records[table.name].append(frame)

    def add_issue(self, issue: Issue) -> None:
        """Note down an issue that shows only when all sheets are in, where it is of one of them."""
        if (issue.file, issue.sheet) in self.origins:
            self._note(ISSUES, [{**vars(issue), "snapshot": self.writer.snapshot}])

    def arrived(self, table: Table, keys: pa.Array) -> None:
        """Note down the keys of good rows: they may mend what was in quarantine."""
        self._good[table.name].append(keys)

    def write(self) -> bool:
        """Put the records in their place; whether that changes anything."""
        has_news = False
        for table in (QUARANTINE, ISSUES, FILES):
            frames = self._records[table.name]
            empty = pd.DataFrame(columns=[c.name for c in table.columns])
            told = pd.concat(frames, ignore_index=True) if frames else empty
            has_news |= self.writer.swap(table, self.origins, told)
        return self._drop_mended() or has_news

    def _drop_mended(self) -> bool:
        """Drop rows of other sheets that were in quarantine under a key that has now come in."""
        prefix = literal(self.writer.lake.prefix)
        waiting = self.writer.rows(
            'SELECT DISTINCT "table", key, file, sheet, cells FROM lake.quarantine '
            f"WHERE key IS NOT NULL AND (NOT contains(file, '/') OR starts_with(file, {prefix})) "
            "AND (file, sheet) NOT IN (SELECT (file, sheet) FROM origins)"
        )
        has_news = False
        for name, arrays in self._good.items():
            good = pa.chunked_array(arrays).combine_chunks()
            near = [told for told in waiting if told[0] == name]
            keys = pa.array([key for _, key, *_ in near], pa.string())
            has_come = pc.is_in(keys, value_set=good).to_pylist()
            for told, has in zip(near, has_come, strict=True):
                if has and self._is_mended(*told):
                    table, key, file, sheet, _ = told
                    has_news = True
                    self.writer.execute(
                        'DELETE FROM lake.quarantine WHERE "table" = ? AND key = ? '
                        "AND file = ? AND sheet = ?",
                        [table, key, file, sheet],
                    )
        return has_news

    def _is_mended(self, table: str, key: str, file: str, sheet: str, cells: str) -> bool:
        """Whether what came in under a key is the row that waits, and not another office's.

        Where each office may count from one, it is a sheet of the same list that mends its rows,
        or a row of which few cells differ.
        """
        contract = BY_NAME[table]
        if not contract.fixed:
            return True
        mark = mark_list(table, file, sheet)
        if any(mark_list(table, *origin) == mark for origin in self.origins):
            return True
        came = self.writer.rows(
            f"SELECT r.cells FROM lake.core_{table} c JOIN lake.raw_rows r "
            'ON r."table" = ? AND r.file = c.file AND r.sheet = c.sheet AND r.row = c.row '
            "AND r.snapshot = c.snapshot "
            f"WHERE c.{contract.key[0]} = ?",
            [table, key],
        )
        waits = {head: said for head, said in json.loads(cells).items() if said != key}
        allowed = max(1, len(waits) // MENDED_SHARE)
        return any(
            sum(now.get(head) != said for head, said in waits.items()) <= allowed
            for now in (json.loads(told) for (told,) in came)
        )
