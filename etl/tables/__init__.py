"""Every table of the contract, in the order in which one leans on the other."""

from etl.table import Table
from etl.tables.complaints import COMPLAINTS
from etl.tables.governance import (
    INTERVENTIONS,
    MATTERS,
    MEETINGS,
    NEEDS,
    RESPONSIBILITIES,
)
from etl.tables.organizations import (
    ACTIVITIES,
    COMMITTEE_STEPS,
    CORE_RESIDENTS,
    COVERAGE,
    ORGANIZATIONS,
)
from etl.tables.places import BUILDINGS, COMPOUNDS, POPULATION_GROUPS
from etl.tables.survey import SURVEY

TABLES: tuple[Table, ...] = (
    COMPOUNDS,
    BUILDINGS,
    POPULATION_GROUPS,
    ORGANIZATIONS,
    COVERAGE,
    COMMITTEE_STEPS,
    CORE_RESIDENTS,
    COMPLAINTS,
    ACTIVITIES,
    NEEDS,
    MATTERS,
    MEETINGS,
    RESPONSIBILITIES,
    INTERVENTIONS,
    SURVEY,
)

BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
