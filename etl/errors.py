"""Every error a person can meet, each a sentence that a clerk understands.

ShequError                  (geo.errors) base of all
├── GeoError                (geo.errors) geometry or statistics that cannot be computed
├── ProfileError            the community's profile cannot be used
├── StoreError              the store cannot be opened, read or written
│   └── StoreBusyError      another process is writing, and went on for too long
└── FileError               a file dropped in cannot be read at all

Bad cells are not errors: they are data, `etl.check.Issue`.
"""

from geo.errors import GeoError, ShequError

__all__ = [
    "FileError",
    "GeoError",
    "ProfileError",
    "ShequError",
    "StoreBusyError",
    "StoreError",
]


class ProfileError(ShequError):
    """The community's profile cannot be used."""


class StoreError(ShequError):
    """The store cannot be opened, read or written."""


class StoreBusyError(StoreError):
    """Another process is writing, and went on for too long."""


class FileError(ShequError):
    """A file dropped in cannot be read at all."""
