"""The same bytes for the same content: what packed files say of the hour they were made is pinned."""

from __future__ import annotations

import io
import re
import zipfile

EPOCH = (1980, 1, 1, 0, 0, 0)
MADE = b"2000-01-01T00:00:00Z"
_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:(?:created|modified)>)")


def pin_package(content: bytes) -> bytes:
    """A DOCX or XLSX with the times inside it and of its parts set to fixed ones."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as read, zipfile.ZipFile(held, "w") as write:
        for part in read.infolist():
            info = zipfile.ZipInfo(part.filename, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3
            data = read.read(part.filename)
            if part.filename == "docProps/core.xml":
                data = _STAMP.sub(rb"\g<1>" + MADE + rb"\g<3>", data)
            write.writestr(info, data)
    return held.getvalue()
