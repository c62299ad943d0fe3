"""Social capital of each compound: what the survey says, item by item, and what registers count."""

from __future__ import annotations

import pandas as pd

from etl.profile import Profile
from etl.store import Writer
from etl.table import EARLIEST, LATEST
from etl.tables.capital import OUT_ACTIONS, OUT_CAPITAL
from etl.tables.survey import ITEMS
from etl.tally import Tally
from geo.capital import KNOWN, compare_waves, compare_with_rest, measure_shares

PART_OF = {item: part for part, items in ITEMS.items() for item in items}
EVERYWHERE = ""
REGISTERS = "registers"
KEPT = ("measure", "wave", "wave_order", "first_on", "last_on")
_PCT = 100.0


def publish_actions(writer: Writer, tally: Tally) -> None:
    """Write `out_actions`: every intervention, and whether it is late."""
    known_until = tally.period.known_until.date() if tally.period else None
    writer.replace_by(OUT_ACTIONS, "out_actions", known_until=known_until)


def publish_capital(writer: Writer, tally: Tally, base: pd.DataFrame, profile: Profile) -> None:
    """Write `out_capital`: rows for what is known, none for what is not."""
    agrees_from = profile.capital.agrees_from
    answers = writer.frame("survey_answers", agrees_from=agrees_from)
    answers = answers[answers["compound_id"].isin(base.index)]
    said = _describe_survey(answers, profile.capital.fewest_answers)
    counted = _count_registers(writer, tally, base)
    known = [frame for frame in (said, counted) if len(frame)]
    columns = [c.name for c in OUT_CAPITAL.columns]
    frame = pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=columns)
    households = frame["compound_id"].map(base["households"])
    writer.replace(OUT_CAPITAL, frame.assign(households=households).reindex(columns=columns))


def _count_registers(writer: Writer, tally: Tally, base: pd.DataFrame) -> pd.DataFrame:
    """Activities and meetings within the window of rates; of all times where there is none."""
    start, end = (tally.period.start, tally.period.end) if tally.period else (EARLIEST, LATEST)
    window = {"window_from": start, "window_to": end}
    counted = writer.frame("capital_registers", **window)
    counted = counted[counted["compound_id"].isin(base.index)]
    return counted.assign(part=REGISTERS, wave="", status=KNOWN)


def _describe_survey(answers: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Each item of each wave: shares, the others, and the wave before."""
    if answers.empty:
        return pd.DataFrame()
    said = answers[answers["compound_id"].notna()]
    said = pd.concat([said, _sum_up(said, fewest)], ignore_index=True)
    said["round"] = said.groupby("measure")["wave_order"].rank(method="dense").astype("int64")
    shares = measure_shares(said["agreed"], said["asked"], fewest)
    is_known = shares["status"] == KNOWN
    told = pd.DataFrame(
        {
            "compound_id": said["compound_id"],
            "part": said["measure"].map(PART_OF),
            **{name: said[name] for name in KEPT},
            "status": shares["status"],
            "yes_count": said["agreed"].where(is_known),
            "base_count": said["asked"].where(is_known),
            "pct": _PCT * shares["share"],
            "pct_low": _PCT * shares["share_low"],
            "pct_high": _PCT * shares["share_high"],
        }
    )
    return told.join(_describe_rest(said, fewest)).join(_describe_change(said, shares, fewest))


def _sum_up(said: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """A row more for each item and wave: all compounds of which enough answered.

    The others are left out: what a small one said could be told from the sum.
    """
    enough = said[said["asked"] >= fewest]
    sums = enough.groupby(["measure", "wave", "wave_order"], as_index=False).agg(
        first_on=("first_on", "min"),
        last_on=("last_on", "max"),
        asked=("asked", "sum"),
        agreed=("agreed", "sum"),
    )
    return sums.assign(compound_id=EVERYWHERE)


def _describe_rest(said: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Each compound against the others."""
    own = said[said["compound_id"] != EVERYWHERE]
    groups = own["measure"] + "|" + own["wave_order"].astype(str)
    rest = compare_with_rest(own["agreed"], own["asked"], fewest, groups=groups)
    return pd.DataFrame(
        {
            "rest_pct": _PCT * rest["rest_share"],
            "rest_count": rest["rest_asked"],
            "p_value": rest["p_value"],
            "against_rest": rest["verdict"],
        }
    )


def _describe_change(said: pd.DataFrame, shares: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Against the wave before, for compounds that were asked in both.

    The sum over all is left out: other compounds may stand behind it than before.
    """
    own = said[said["compound_id"] != EVERYWHERE]
    former = own.assign(
        round=own["round"] + 1, share=shares["share"], enough=shares["status"] == KNOWN
    )
    key = ["compound_id", "measure", "round"]
    kept = ["wave", "agreed", "asked", "share", "enough"]
    both = own.reset_index().merge(former[[*key, *kept]], on=key, suffixes=("", "_before"))
    both = both.set_index("index").rename_axis(None)
    groups = both["measure"] + "|" + both["wave_order"].astype(str)
    change = compare_waves(
        both["agreed"], both["asked"], both["agreed_before"], both["asked_before"], fewest,
        groups=groups,
    )  # fmt: skip
    return pd.DataFrame(
        {
            "before_wave": both["wave_before"],
            "before_pct": _PCT * both["share"],
            "before_count": both["asked_before"].where(both["enough"].astype(bool)),
            "change": _PCT * change["change"],
            "change_low": _PCT * change["change_low"],
            "change_high": _PCT * change["change_high"],
            "change_verdict": change["verdict"],
        }
    )
