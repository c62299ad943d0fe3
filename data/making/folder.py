"""The sample folder, file by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import shapely

from making.books import write_csv, write_xls, write_xlsx
from making.facts import MARK, PUBLISHED, read_compounds
from making.loop import (
    activities_sheet,
    interventions_sheet,
    matters_sheet,
    meetings_sheet,
    needs_sheet,
    responsibilities_sheet,
    survey_sheet,
)
from making.orders import ALIASES, CSV_NAME, LEDGER_NAME, NEWEST_NAME, VAGUE_NAME, Flaw, papers
from making.places import (
    buildings,
    canal,
    compound_shapes,
    degrees,
    outline,
    pond,
    streets_inside,
)
from making.registers import (
    building_sheets,
    committees_sheet,
    compounds_sheet,
    core_residents_sheet,
    coverage_sheet,
    groups_sheet,
    organizations_sheet,
)

SAVED_AT = "2026-10-31T18:00:00.000Z"


def write_folder(folder: Path) -> None:
    """Write the whole sample into a folder, replacing its files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_workbooks(folder)
    write_orders(folder)
    write_boundaries(folder / "边界.gpkg")
    (folder / "profile.toml").write_text(profile_text(), encoding="utf-8", newline="\n")
    (folder / "README.md").write_text(readme_text(), encoding="utf-8", newline="\n")


def write_workbooks(folder: Path) -> None:
    """Every workbook but the complaints."""
    write_xlsx(folder / "小区台账.xlsx", [compounds_sheet()])
    write_xls(folder / "楼栋台账.xls", building_sheets())
    write_xlsx(folder / "人口构成.xlsx", [groups_sheet()])
    organizations = [
        organizations_sheet(),
        coverage_sheet(),
        core_residents_sheet(),
        committees_sheet(),
    ]
    write_xlsx(folder / "组织台账.xlsx", organizations)
    write_xlsx(folder / "需求清单.xlsx", [needs_sheet()])
    write_xlsx(folder / "议题与会议.xlsx", [matters_sheet(), meetings_sheet()])
    write_xlsx(folder / "活动记录.xlsx", [activities_sheet()])
    write_xlsx(folder / "主体职责.xlsx", [responsibilities_sheet()])
    write_xlsx(folder / "行动计划.xlsx", [interventions_sheet()])
    write_xlsx(folder / "居民问卷.xlsx", [survey_sheet(2026), survey_sheet(2025)])


def write_orders(folder: Path) -> None:
    """The three files of complaints."""
    orders = papers()
    write_csv(folder / CSV_NAME, orders.export)
    write_xlsx(folder / LEDGER_NAME, orders.quarters)
    write_xlsx(folder / NEWEST_NAME, [orders.newest])


def write_boundaries(path: Path) -> None:
    """The layers of places, in WGS-84."""
    path.unlink(missing_ok=True)
    names = {c.compound_id: c.name for c in read_compounds()}
    areas = compound_shapes()
    homes = buildings()
    streets = streets_inside()
    layers = {
        "community": ({"name": ["T社区"]}, [outline()]),
        "compounds": (
            {"compound_id": list(names), "name": list(names.values())},
            [areas[cid] for cid in names],
        ),
        "buildings": (
            {
                "building_id": [b.building_id for b in homes],
                "compound_id": [b.compound_id for b in homes],
                "building_no": [b.number for b in homes],
            },
            [b.shape for b in homes],
        ),
        "roads": ({"name": list(streets)}, list(streets.values())),
        "water": ({"name": ["荷塘", "汐河"]}, [pond(), canal()]),
    }
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": SAVED_AT})
    try:
        for layer, (columns, shapes) in layers.items():
            write_layer(path, layer, columns, shapes)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def write_layer(path: Path, layer: str, columns: dict[str, list[str]], shapes: list) -> None:
    """One layer of the boundaries."""
    kind = "LineString" if layer == "roads" else "Polygon"
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array([degrees(shape) for shape in shapes], dtype=object)),
        field_data=[np.array(values, dtype=object) for values in columns.values()],
        fields=list(columns),
        layer=layer,
        driver="GPKG",
        geometry_type=kind,
        crs="EPSG:4326",
        append=path.exists(),
    )


def profile_text() -> str:
    """The community's own settings."""
    aliases = [f'"{word}" = "{name}"' for word, name in ALIASES.items()]
    aliases.append(f'"{VAGUE_NAME}" = ""   # 说的是一片，不是一个小区，按坐标落点')
    lines = [
        f"# T社区的设置。{MARK}。只写与通用设置不同的地方。",
        'name = "T社区"',
        "",
        "[aliases]",
        *aliases,
        "",
        "[published]",
        *(f"{key} = {value}" for key, value in PUBLISHED.items()),
    ]
    return "\n".join(lines) + "\n"


def readme_text() -> str:
    """What the folder holds, and which cells are wrong on purpose."""
    template = (Path(__file__).parent / "seeds" / "readme.md").read_text(encoding="utf-8")
    flaws = papers().flaws
    return template.replace("{lost}", flaw_table([f for f in flaws if f.loses_row])).replace(
        "{mild}", flaw_table([f for f in flaws if not f.loses_row])
    )


def flaw_table(flaws: list[Flaw]) -> str:
    """Cells written wrongly on purpose, as a table."""
    lines = ["| 文件 | 工作表 | 单元格 | 写的是 | 问题 |", "|---|---|---|---|---|"]
    lines += [f"| {f.file} | {f.sheet} | {f.cell} | {f.value} | {f.problem} |" for f in flaws]
    return "\n".join(lines)
