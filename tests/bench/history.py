"""A store with a long history, made without spreadsheets: what a benchmark stands on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from etl.figures import publish_figures
from etl.place import place_complaints
from etl.profile import Profile
from etl.store import Store, Writer
from etl.tables.records import FILES

MONTHS = 36
ROWS_A_FILE = 5_000


def add_history(
    store: Store,
    rows: int,
    compounds: Sequence[str],
    categories: Sequence[str],
    profile: Profile,
) -> None:
    """Put invented complaints of three years into a store, as many sheets would have by now.

    `compounds` are the ids of compounds that the store knows.
    """
    with store.write("bench") as writer:
        _insert_complaints(writer, rows, compounds, categories)
        _record_files(writer, rows)
        place_complaints(writer)
        publish_figures(writer, profile)
        writer.publish({"files": ["历年投诉"], "rows_new": rows})


def _insert_complaints(
    writer: Writer, rows: int, compounds: Sequence[str], categories: Sequence[str]
) -> None:
    """Complaints by number: spread over compounds, categories, places and three years.

    They come in the order of time, as history does; each file holds a stretch of it.
    """
    names, places = (", ".join(f"'{name}'" for name in told) for told in (categories, compounds))
    writer.execute(
        f"""
        INSERT INTO lake.core_complaints BY NAME
        SELECT
            format('H{{:010d}}', i) AS complaint_id,
            TIMESTAMP '2021-01-01' + to_seconds((i * {MONTHS * 2_600_000 / rows})::BIGINT)
                AS reported_at,
            '12345热线' AS channel,
            [{names}][(1 + hash(i) % {len(categories)})::BIGINT] AS category,
            [{places}][(1 + hash(i + 7) % {len(compounds)})::BIGINT] AS compound_id,
            'id' AS compound_by, 1.0 AS compound_certainty,
            format('{{}}栋', (1 + hash(i + 11) % 12)::BIGINT) AS building_no,
            format('第{{}}次反映', i) AS text,
            '已办结' AS status,
            TIMESTAMP '2021-01-04' + to_seconds((i * {MONTHS * 2_600_000 / rows})::BIGINT)
                AS closed_at,
            104.10 + (hash(i + 13) % 20000) / 1000000.0 AS lon,
            30.60 + (hash(i + 17) % 20000) / 1000000.0 AS lat,
            'coordinates' AS located_by,
            format('投诉{{}}.xlsx', i // {ROWS_A_FILE}) AS file, '投诉工单' AS sheet,
            2 + i % {ROWS_A_FILE} AS row, {writer.snapshot} AS snapshot
        FROM range({rows}) t(i)
        """
    )


def _record_files(writer: Writer, rows: int) -> None:
    count = -(-rows // ROWS_A_FILE)
    writer.append(
        FILES,
        pd.DataFrame(
            {
                "file": [f"投诉{number}.xlsx" for number in range(count)],
                "sheet": "投诉工单",
                "sha256": [f"{number:064x}" for number in range(count)],
                "table": "complaints",
                "rows_read": ROWS_A_FILE,
                "rows_loaded": ROWS_A_FILE,
                "rows_quarantined": 0,
                "rows_recognised": 0,
                "masked_count": 0,
                "unknown_columns": "",
                "refreshed_at": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None),
                "who": "bench",
                "snapshot": writer.snapshot,
            }
        ),
    )
