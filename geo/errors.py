"""The errors of the project's measures, each a sentence that a clerk understands.

::

    ShequError                 base of every error this project raises on purpose
    └── GeoError (ValueError)  a measure was given something it cannot work with
        ├── MissingCrsError    the coordinates do not say which system they are in
        ├── DegreesError       degrees were given where metres are meant
        └── CrsMismatchError   two layers are in different coordinate systems

Messages are in Chinese because they can reach the interface.
"""

from __future__ import annotations


class ShequError(Exception):
    """Base of the whole project: the message is one sentence for the person at the desk."""


class GeoError(ShequError, ValueError):
    """A measure was given something it cannot work with."""


class MissingCrsError(GeoError):
    """The coordinates do not say which system they are in."""

    def __init__(self, what: str = "这份空间数据") -> None:
        super().__init__(f"{what}没有写明坐标系，请先说明是 WGS-84、GCJ-02 还是其他坐标系。")


class DegreesError(GeoError):
    """Degrees were given where metres are meant."""

    def __init__(self, what: str = "这份空间数据") -> None:
        super().__init__(f"{what}的坐标是经纬度（度），这里需要以米为单位的平面坐标。")


class CrsMismatchError(GeoError):
    """Two layers that must lie on one another are in different coordinate systems."""

    def __init__(self, first: object, second: object) -> None:
        super().__init__(f"两份空间数据的坐标系不一致：{first} 与 {second}，请先统一。")
