"""Gradescope: formats of its files.

Roster     its roster
Download   `submission_4711/ps1.ipynb`, and `submission_metadata.yml` with e-mail and time

It does not import grades or pages.
"""

from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath
from typing import Any

import yaml

from nbjudge.core.errors import CourseError
from nbjudge.core.tables import Table
from nbjudge.core.times import Stamp, stamp, stamp_of
from nbjudge.lms.base import Lms
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import File, Found, Parsed

LISTING = "submission_metadata.yml"
MOST_BYTES = 100_000_000  # of the list


class Gradescope(Lms):
    """Gradescope."""

    name = "gradescope"
    title = "Gradescope"
    rosters = "Gradescope's roster"
    columns = Columns(
        first=("first name",),
        last=("last name",),
        full=("full name", "name"),
        email=("email", "email address"),
        lms_id=("sid",),
        role=("role",),
    )

    def is_roster(self, table: Table) -> bool:
        return self.columns.has(table, "lms_id", "email", "name")

    def is_download(self, files: list[File]) -> bool:
        return any(_is_listing(file) for file in files)

    def parse(self, files: list[File], zone: tzinfo) -> Parsed:
        folders = _listed(files)
        found: list[Found] = []
        unplaced = []
        for file in files:
            if _is_listing(file):
                continue
            folder = next((part for part in file.path.split("/")[:-1] if part in folders), None)
            submitters = folders[folder].get(":submitters") if folder else None
            if folder is None or not submitters:
                unplaced.append((file, self.why_unplaced(file.path)))
            else:
                found += [_found(file, folder, folders[folder], one) for one in submitters]
        return Parsed(found, unplaced)

    def parse_name(self, file: File, path: str, zone: tzinfo) -> Found | None:
        return None  # only the list of submissions identifies a file's student


def _is_listing(file: File) -> bool:
    return PurePosixPath(file.path).name == LISTING


class _Metadata(yaml.SafeLoader):
    """Loader of Gradescope's metadata, whose values may be Ruby objects."""


def _ruby(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        fields = loader.construct_mapping(node, deep=True)
        return fields.get("utc", fields)  # ActiveSupport::TimeWithZone
    return None


_Metadata.add_multi_constructor("!ruby/", _ruby)


def _listed(files: list[File]) -> dict[str, dict[str, Any]]:
    """The entries for each folder in the download's list.  Raises CourseError."""
    listing = next((file for file in files if _is_listing(file)), None)
    if listing is None:
        raise CourseError(f"A download from Gradescope has a {LISTING}, and this one has none.")
    try:
        entries = yaml.load(listing.read(MOST_BYTES), _Metadata)
        return {str(folder): dict(entry) for folder, entry in entries.items()}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise CourseError(f"{listing.path} is not Gradescope's list of submissions.") from error


def _found(file: File, folder: str, entry: dict[str, Any], person: dict[str, Any]) -> Found:
    return Found(
        file,
        file.path.split(f"{folder}/", 1)[1],
        group=f"{folder}/{person.get(':email')}",
        lms_id=str(person.get(":sid") or ""),
        email=str(person.get(":email") or ""),
        person=str(person.get(":name") or ""),
        handed_in=_stamp(entry.get(":created_at")),
    )


def _stamp(value: object) -> Stamp | None:
    """The creation time of a submission; Gradescope's times without an offset are in UTC."""
    if isinstance(value, datetime):
        return stamp_of(value, UTC)
    return stamp(value, UTC) if isinstance(value, str) else None
