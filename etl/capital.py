"""Social capital of each compound: what the survey says, item by item, and what registers count."""

from __future__ import annotations

import pandas as pd

from etl.profile import Profile
from etl.store import Writer
from etl.tables.capital import OUT_ACTIONS, OUT_CAPITAL
from etl.tables.survey import ITEMS
from etl.tally import Tally
from geo.capital import KNOWN, compare_waves, compare_with_rest, measure_shares

PART_OF = {item: part for part, items in ITEMS.items() for item in items}
EVERYWHERE = ""
REGISTERS = "registers"
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
    frame["households"] = frame["compound_id"].map(base["households"])
    writer.replace(OUT_CAPITAL, frame.reindex(columns=columns))


def _count_registers(writer: Writer, tally: Tally, base: pd.DataFrame) -> pd.DataFrame:
    """Activities and meetings within the window of rates."""
    if tally.period is None:
        return pd.DataFrame()
    window = {"window_from": tally.period.start, "window_to": tally.period.end}
    counted = writer.frame("capital_registers", **window)
    counted = counted[counted["compound_id"].isin(base.index)]
    return counted.assign(part=REGISTERS, wave="", status=KNOWN)


def _describe_survey(answers: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Each item of each wave: shares, the others, and the wave before."""
    described = []
    for _, of_item in answers.groupby("measure", sort=False):
        before: pd.DataFrame | None = None
        for _, of_wave in of_item.groupby("wave_order", sort=True):
            now = _add_sum(of_wave.set_index("compound_id"), fewest)
            told = _describe_wave(now, fewest)
            if before is not None:
                told = told.join(_describe_change(now, before, fewest))
            described.append(told.rename_axis("compound_id").reset_index())
            before = now
    return _withhold(pd.concat(described, ignore_index=True)) if described else pd.DataFrame()


def _add_sum(wave: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """One row more for all compounds of which enough answered.

    The others are left out: what a small one said could be told from the sum.
    """
    enough = wave[wave["asked"] >= fewest]
    if enough.empty:
        return wave
    row = {
        **enough.iloc[0][["measure", "wave", "wave_order"]].to_dict(),
        "first_on": enough["first_on"].min(),
        "last_on": enough["last_on"].max(),
        "asked": int(enough["asked"].sum()),
        "agreed": int(enough["agreed"].sum()),
    }
    return pd.concat([wave, pd.DataFrame([row], index=[EVERYWHERE])])


def _describe_wave(wave: pd.DataFrame, fewest: int) -> pd.DataFrame:
    shares = measure_shares(wave["agreed"], wave["asked"], fewest)
    compounds = wave.drop(index=EVERYWHERE, errors="ignore")
    rest = compare_with_rest(compounds["agreed"], compounds["asked"], fewest).reindex(wave.index)
    kept = ["measure", "wave", "wave_order", "first_on", "last_on"]
    return wave[kept].assign(
        part=wave["measure"].map(PART_OF),
        yes_count=wave["agreed"],
        base_count=wave["asked"],
        status=shares["status"],
        pct=_PCT * shares["share"],
        pct_low=_PCT * shares["share_low"],
        pct_high=_PCT * shares["share_high"],
        rest_pct=_PCT * rest["rest_share"],
        rest_count=rest["rest_asked"],
        p_value=rest["p_value"],
        against_rest=rest["verdict"],
    )


def _describe_change(now: pd.DataFrame, before: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """Against the wave before, for compounds that were asked in both.

    The sum over all is left out: other compounds may stand behind it than before.
    """
    both = [i for i in now.index.intersection(before.index) if i != EVERYWHERE]
    now, before = now.loc[both], before.loc[both]
    change = compare_waves(
        now["agreed"], now["asked"], before["agreed"], before["asked"], fewest=fewest
    )
    shares = measure_shares(before["agreed"], before["asked"], fewest)
    return pd.DataFrame(
        {
            "before_wave": before["wave"],
            "before_pct": _PCT * shares["share"],
            "before_count": before["asked"].where(shares["status"] == KNOWN),
            "change": _PCT * change["change"],
            "change_low": _PCT * change["change_low"],
            "change_high": _PCT * change["change_high"],
            "change_verdict": change["verdict"],
        }
    )


def _withhold(said: pd.DataFrame) -> pd.DataFrame:
    """Take out the counts of compounds of which too few answered."""
    is_known = said["status"] == KNOWN
    return said.assign(
        yes_count=said["yes_count"].where(is_known), base_count=said["base_count"].where(is_known)
    )
