"""Pictures for a page: decoded, resized, and encoded again.

What a student's code sends as an image is only bytes that claim to be one. None of them reach a
page; the page contains what Pillow decoded and encoded, within limits on pixels and bytes.
"""

import base64
import binascii
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG"}
LONGEST_SOURCE = 8_000_000  # characters of base64
MOST_PIXELS = 8_000_000  # of one picture
WIDEST = 1_400  # pixels on the page, enough for a sharp 48rem column
TALLEST = 2_800
MOST_BYTES = 150_000  # of one encoded picture
QUALITIES: tuple[dict[str, Any], ...] = (  # the first that is small enough, and all of them fast
    {"lossless": True, "quality": 20, "method": 1},
    {"quality": 80, "method": 1},
    {"quality": 30, "method": 0},
)


@dataclass
class Album:
    """The pictures of one page, and the space that is left for them."""

    characters: int = 700_000
    pixels: int = 30_000_000  # decoded altogether, so that a page costs seconds at most

    def add(self, mime: str, data: str) -> str | None:
        """The picture as a `data:` address; None if it is not one or there is no space for it."""
        if mime not in FORMATS or len(data) > LONGEST_SOURCE:
            return None
        try:
            address = self._encoded(base64.b64decode(data), FORMATS[mime])
        except (binascii.Error, UnicodeError):
            return None
        except Exception:  # decoders raise whatever a malformed or enormous file provokes
            return None
        if address is None or len(address) > self.characters:
            return None
        self.characters -= len(address)
        return address

    def attached(self, attachments: Mapping[str, Mapping[str, Any]]) -> Callable[[str], str | None]:
        """A function from the name of a cell's attached picture to its `data:` address."""

        def picture(address: str) -> str | None:
            files = attachments.get(address.removeprefix("attachment:"), {})
            added = (self.add(mime, str(files[mime])) for mime in FORMATS if mime in files)
            return next(added, None)

        return picture

    def _encoded(self, content: bytes, kind: str) -> str | None:
        with Image.open(io.BytesIO(content), formats=[kind]) as picture:  # reads the header only
            pixels = picture.width * picture.height
            if pixels > min(MOST_PIXELS, self.pixels):
                return None
            self.pixels -= pixels
            painted = picture.convert("RGBA")
        painted.thumbnail((WIDEST, TALLEST))
        for quality in QUALITIES:
            encoded = io.BytesIO()
            painted.save(encoded, "WEBP", **quality)
            if encoded.tell() <= MOST_BYTES:
                text = base64.b64encode(encoded.getvalue()).decode("ascii")
                return f"data:image/webp;base64,{text}"
        return None
