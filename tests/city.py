"""An invented city as tables: districts of streets of communities of compounds, and complaints.

Everything follows from a seed; compounds lie on a lattice, their areas side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.store import Writer

WEST, SOUTH, STEP = 103.8013, 30.4017, 0.004
# Sides of a community, a street and a district, in compounds.
COMMUNITY, STREET = 2, 8
# A long history, and the month after it, of which an office's sheet tells.
FIRST_MONTH, MONTHS, NEXT_MONTH = "2023-01-01", 36, "2026-01-01"
KINDS = ("商品房", "安置", "老旧")
CATEGORIES = ("物业服务", "噪音扰民", "停车管理", "环境卫生", "公共设施")
NAMES = ("和平", "桂溪", "柳荫", "翠屏", "玉林", "青羊", "望江", "锦里")


@dataclass(frozen=True)
class City:
    """A register and what was complained of, as the offices' sheets have them."""

    compounds: pd.DataFrame
    complaints: pd.DataFrame


def make_city(compounds: int, complaints: int, seed: int = 20261128, district: int = 36) -> City:
    """So many compounds and complaints; a district is so many compounds wide and high."""
    dice = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(compounds)))
    at = np.arange(compounds)
    x, y = at % side, at // side
    names = np.array([f"{NAMES[k % len(NAMES)]}苑{k:05d}" for k in at])
    register = pd.DataFrame(
        {
            "小区编号": [f"C{k:05d}" for k in at],
            "小区名称": names,
            "小区类型": dice.choice(KINDS, compounds),
            "户数": dice.integers(80, 1500, compounds),
            "经度": WEST + x * STEP,
            "纬度": SOUTH + y * STEP,
            "社区": _name("社区", x, y, COMMUNITY),
            "街道": _name("街道", x, y, STREET),
            "行政区": _name("区", x, y, district),
        }
    )
    # Some compounds are complained of far more than others.
    weight = dice.gamma(0.8, size=compounds)
    which = dice.choice(compounds, complaints, p=weight / weight.sum())
    days = pd.to_timedelta(dice.integers(0, 600 * 86_400, complaints), unit="s")
    told = pd.DataFrame(
        {
            "工单编号": [f"G{k:08d}" for k in range(complaints)],
            "诉求时间": (pd.Timestamp(2025, 1, 1) + days).astype(str),
            "小区名称": names[which],
            "诉求类别": dice.choice(CATEGORIES, complaints),
            "诉求内容": "路灯不亮",
            "办理状态": "办结",
        }
    )
    return City(register, told)


def _name(what: str, x: np.ndarray, y: np.ndarray, side: int) -> list[str]:
    return [f"{what}{a:02d}{b:02d}" for a, b in zip(x // side, y // side, strict=True)]


def register_history(writer: Writer, complaints: int, compounds: int) -> int:
    """Put the complaints of three years of the compounds that a store knows into it, as one file.

    `complaints` are those of a city of so many `compounds`; what one compound has of them does not
    depend on which others are there, so an office alone has the very rows that the city has of it.
    They lie as they come in: month after month. Returns how many they are.
    """
    kinds = ", ".join(f"'{name}'" for name in CATEGORIES)
    for month in range(MONTHS):
        # Some compounds are complained of far more than others: the shares are exponential.
        writer.execute(
            f"""
            INSERT INTO lake.core_complaints BY NAME
            WITH shares AS (
                SELECT compound_id, lon, lat,
                    (SELECT DATE '{FIRST_MONTH}' + INTERVAL {month} MONTH) AS began,
                    floor({complaints / compounds / MONTHS}
                        * -ln((1 + hash(compound_id) % 999999) / 1000000.0)
                        + hash(compound_id, {month}) % 1000 / 1000.0)::BIGINT AS rows_here
                FROM lake.core_compounds ORDER BY compound_id
            ),
            rows AS (
                SELECT *, unnest(range(rows_here)) AS number FROM shares
            ),
            told AS (
                SELECT *, hash(compound_id, {month}, number) AS dice FROM rows
            )
            SELECT
                format('G{{}}{{}}{{:05d}}', strftime(began, '%Y%m'), compound_id, number)
                    AS complaint_id,
                began + to_seconds((dice % 2419200)::BIGINT) AS reported_at,
                '12345热线' AS channel,
                [{kinds}][(1 + dice // 7 % {len(CATEGORIES)})::BIGINT] AS category,
                compound_id, 'id' AS compound_by, 1.0 AS compound_certainty,
                format('{{}}栋', 1 + dice // 11 % 12) AS building_no,
                '路灯不亮' AS text,
                '已办结' AS status,
                began + to_seconds((dice % 2419200 + dice // 13 % 864000)::BIGINT) AS closed_at,
                lon + (dice // 17 % 3000)::DOUBLE / 1000000 AS lon,
                lat + (dice // 19 % 3000)::DOUBLE / 1000000 AS lat,
                'coordinates' AS located_by,
                format('投诉{{}}.csv', strftime(began, '%Y%m')) AS file, '投诉工单' AS sheet,
                2 + number AS row, {writer.snapshot} AS snapshot
            FROM told
            """
        )
    return int(writer.rows("SELECT count(*) FROM lake.core_complaints")[0][0])
