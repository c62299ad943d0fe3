"""Every error a person can meet, each a sentence that a clerk understands.

ShequError                  (geo.errors) base of all
├── GeoError                (geo.errors) geometry or statistics that cannot be computed
├── ProfileError            the community's profile cannot be used
├── UsageError              what was asked for makes no sense; the command line ends with 2
├── AccessError             somebody is not allowed, or the accounts cannot be read
├── StoreError              the store cannot be opened, read or written
│   ├── StoreBusyError      another process is writing, and went on for too long
│   └── StoreAgainError     a server or another office got in the way: it may go well the next time
└── FileError               a file dropped in cannot be read at all
    └── PasswordNeededError it opens with a password only, and not with the one given

Bad cells are not errors: they are data, `etl.check.Issue`.
"""

from geo.errors import GeoError, ShequError

__all__ = [
    "AccessError",
    "FileError",
    "GeoError",
    "PasswordNeededError",
    "ProfileError",
    "ShequError",
    "StoreAgainError",
    "StoreBusyError",
    "StoreError",
    "UsageError",
]


class ProfileError(ShequError):
    """The community's profile cannot be used."""


class UsageError(ShequError):
    """What was asked for makes no sense."""


class AccessError(ShequError):
    """Somebody is not allowed to do this, or the accounts cannot be read."""


class StoreError(ShequError):
    """The store cannot be opened, read or written."""


class StoreBusyError(StoreError):
    """Another process is writing, and went on for too long."""


class StoreAgainError(StoreError):
    """A server or another office got in the way: the same may go well the next time."""


class FileError(ShequError):
    """A file dropped in cannot be read at all."""


class PasswordNeededError(FileError):
    """A file opens with a password only, and none or the wrong one was given."""
