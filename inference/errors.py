"""What goes wrong in reading traces and images, drawn as a tree. Messages hold no patient data.

::

    InferenceError
    ├── ReleaseError            a released model cannot be used as it lies there
    │   ├── ReleaseNotFound
    │   ├── ReleaseMalformed
    │   └── WeightsMismatch
    ├── RuntimeBusy             try again later
    ├── ArchiveError            the images of a study could not be had
    │   ├── StudyNotFound
    │   ├── ArchiveUnreachable
    │   ├── ArchiveRefused
    │   ├── ArchiveUnreadable
    │   └── StudyTooLarge
    ├── RadiographError         a picture is not read
    │   ├── RadiographUnreadable
    │   └── NotAFrontalChest
    ├── EcgUnreadable           a file is no ECG that can be read
    ├── InputUnusable           the caller's arrays are not what the release reads
    └── TrainingDataUnusable    a data file is not in its layout
"""

from __future__ import annotations


class InferenceError(Exception):
    """Anything this room raises on purpose."""


class ReleaseError(InferenceError):
    """A released model cannot be used as it lies there; reinstall or rebuild the release."""


class ReleaseNotFound(ReleaseError):
    """No folder of that name among the releases."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no release named {name!r}; `cardiotwin release list` names those there are."
        )


class ReleaseMalformed(ReleaseError):
    """A release.json that does not say what a release must say."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The release {name!r} is malformed ({reason}); build it again.")


class WeightsMismatch(ReleaseError):
    """Weights whose digest is not the one the release was evaluated with."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The weights of release {name!r} do not have the digest its release.json states; "
            "they are not used. Install the release again."
        )


class RuntimeBusy(InferenceError):
    """Every place in the runtime's queue is taken."""

    def __init__(self) -> None:
        super().__init__("The model runtime has no free place; call again shortly.")


class EcgUnreadable(InferenceError):
    """A file that is no ECG, is broken, or is larger than what is opened."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The ECG cannot be read: {reason}.")
        self.reason = reason

    def __reduce__(self) -> tuple[type[EcgUnreadable], tuple[str]]:
        """Travel between processes by the reason, not by the sentence around it."""
        return type(self), (self.reason,)


class InputUnusable(InferenceError):
    """Arrays of another shape or kind than the release reads: a fault of the caller."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Input for release {name!r} cannot be used: {reason}.")


class TrainingDataUnusable(InferenceError):
    """A data file that is missing or not in its documented layout."""

    def __init__(self, file: str, line: int, wanted: str) -> None:
        where = f"{file}, line {line}" if line else file
        super().__init__(
            f"{where}: expected {wanted}; inference/README.md shows how data must lie."
        )


class ArchiveError(InferenceError):
    """The images of a study could not be had from the archive."""


class StudyNotFound(ArchiveError):
    """The archive holds no instance of this study; it may not have arrived there yet."""

    def __init__(self) -> None:
        super().__init__("The archive holds no image of this study.")


class ArchiveUnreachable(ArchiveError):
    """No connection to the archive, or no reply by the deadline; try again later."""

    def __init__(self) -> None:
        super().__init__("The archive could not be reached or did not answer in time.")


class ArchiveRefused(ArchiveError):
    """The archive denies the request; give this installation access to it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The archive denied access (status {status}).")


class ArchiveUnreadable(ArchiveError):
    """The archive's reply is no DICOM, is of another study, or is an error of its own."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The archive's reply cannot be used: {reason}.")


class StudyTooLarge(ArchiveError):
    """The study exceeds what is fetched; raise the limit if such studies are to be read."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"The study is larger than the {limit} that are fetched.")


class RadiographError(InferenceError):
    """A picture that is not read, for the reason that its message names."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The picture is not read: {reason}.")
        self.reason = reason

    def __reduce__(self) -> tuple[type[RadiographError], tuple[str]]:
        """Travel from a decoding process by the reason, not by the sentence around it."""
        return type(self), (self.reason,)


class RadiographUnreadable(RadiographError):
    """Damaged, too large, or stored in a way that no decoder here reads; have it sent again."""


class NotAFrontalChest(RadiographError):
    """Another body part, view or kind of picture than the nets of this room read."""
