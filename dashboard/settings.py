"""Where this process finds the store and the profile, and how Streamlit is set."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from etl.lake import DEFAULT_STORE, find_folder

STORE, PROFILE, LOG = "SHEQU_STORE", "SHEQU_PROFILE", "SHEQU_LOG"
FONT = (
    "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', 'Source Sans', "
    "sans-serif"
)
STREAMLIT = {
    "browser.gatherUsageStats": False,
    # What is taken away is written down and safe to open: a table's own button does neither.
    "client.disableDataExport": True,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": True,
    "logger.level": "warning",
    "runner.magicEnabled": False,
    "server.enableAgentApi": False,
    "server.enableStaticServing": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": 200,
    "server.runOnSave": False,
    "server.showEmailPrompt": False,
    "theme.base": "light",
    "theme.backgroundColor": "#FAF7F1",
    "theme.secondaryBackgroundColor": "#F1EBDF",
    "theme.textColor": "#2B2722",
    "theme.primaryColor": "#9C3D22",
    "theme.linkColor": "#7E2E1B",
    "theme.borderColor": "#D9CFBE",
    "theme.dataframeBorderColor": "#E2D9CA",
    "theme.dataframeHeaderBackgroundColor": "#F1EBDF",
    "theme.baseFontSize": 17,
    "theme.baseRadius": "6px",
    "theme.font": FONT,
    "theme.headingFont": FONT,
    "theme.showWidgetBorder": True,
    "theme.showSidebarBorder": True,
    "theme.sidebar.backgroundColor": "#F1EBDF",
}


def store_path() -> Path:
    """The folder of the store that the environment names, by its path or by its address.

    Raises
    ------
    StoreError
        The address makes no sense.
    """
    return _find_store(os.environ.get(STORE, DEFAULT_STORE)).resolve()


# Every page asks, and an address is written down in its folder each time it is read.
_find_store = cache(find_folder)


def profile_path() -> Path | None:
    """The community's profile, if the command line named one."""
    written = os.environ.get(PROFILE, "")
    return Path(written).resolve() if written else None


def log_path() -> Path | None:
    """The file that what happens is written into, if the command line named one."""
    written = os.environ.get(LOG, "")
    return Path(written).resolve() if written else None


def set_streamlit() -> None:
    """Set Streamlit in code, so that no settings file on the machine is needed."""
    from streamlit import config
    from streamlit.logger import set_log_level

    for name, value in STREAMLIT.items():
        config.set_option(name, value)
    # Reading the settings for the first time sets the level anew, so this comes last.
    set_log_level("WARNING")
