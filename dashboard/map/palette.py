"""Colours and patterns of the map: told apart without colour vision and on a grey printer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How one class is drawn: a ground colour, and strokes over it in ink."""

    fill: str
    hatch: str = "none"
    ink: str = "#4E463C"


# Types differ in lightness as well as hue, and each has its own strokes.
TYPES: dict[str, Look] = {
    "商品房": Look("#CBDAE4"),
    "安置": Look("#EACB8F", "diagonal", "#7A5A1C"),
    "规地自建": Look("#A9C1A0", "dots", "#2F5130"),
    "老旧": Look("#D3967A", "lines", "#6E2E17"),
    "其他": Look("#E5DFD4", "cross", "#A79C8B"),
}
UNKNOWN = Look("#E9E4DA", "dots", "#A79C8B")

# Five steps from light to dark; lightness falls evenly, so grey print keeps the order.
WARM = ("#F8EBCF", "#EFCB94", "#DD9F5E", "#BD6A3A", "#8C3A22")
COOL = ("#E6EFEA", "#BFD6D0", "#8DB6B7", "#558B9C", "#2A5B78")
PLUM = ("#E4EDE2", "#EFE3E6", "#DDB9C6", "#B97D97", "#804667")

# How a committee of residents stands; what is not asked of a compound is nearly the ground.
STATES: dict[str, Look] = {
    "正常": Look("#8DB6B7"),
    "筹备": Look("#E8D9A8", "diagonal", "#7A5A1C"),
    "名存实亡": Look("#C98A6B", "cross", "#6E2E17"),
    "已解散": Look("#B97D97", "lines", "#5A2440"),
    "无": Look("#804667"),
    "不适用": Look("#F4F0E6"),
}

VERDICTS: dict[str, Look] = {
    "up": Look("#C96F45", "diagonal", "#6E2E17"),
    "no_real_change": Look("#F1EADB"),
    "down": Look("#8DB6B7", "lines", "#1F4E5B"),
    "too_few": UNKNOWN,
}


def take_steps(ramp: tuple[str, ...], count: int) -> list[Look]:
    """`count` steps of a ramp, spread over the whole of it."""
    if count == 1:
        return [Look(ramp[len(ramp) // 2])]
    last = len(ramp) - 1
    return [Look(ramp[round(step * last / (count - 1))]) for step in range(count)]
