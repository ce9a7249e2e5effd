"""The response of a CDS Service; what the specification forbids cannot be built.

Specification: https://cds-hooks.hl7.org/2.0/#cds-service-response. Absent members are omitted,
never null or empty. Wording and clinical choice live in ``cards/``; where a card's identity comes
from, in ``identity.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeAlias, final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from cds_hooks.errors import CardRefused

SUMMARY_LIMIT: Final = 140
"""A summary is shorter than this: https://cds-hooks.hl7.org/2.0/#card-attributes."""


class Indicator(StrEnum):
    """Urgency of a card: https://cds-hooks.hl7.org/2.0/#card-attributes."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class SelectionBehavior(StrEnum):
    """How many suggestions of a card may be chosen.

    https://cds-hooks.hl7.org/2.0/#card-attributes.
    """

    AT_MOST_ONE = "at-most-one"
    ANY = "any"


class ActionSelectionBehavior(StrEnum):
    """How many actions of a suggestion may be chosen; only in the 3.0 ballot (cds-resp-7)."""

    ALL = "all"
    ANY = "any"
    AT_MOST_ONE = "at-most-one"


class LinkType(StrEnum):
    """What a link opens: https://cds-hooks.hl7.org/2.0/#link."""

    ABSOLUTE = "absolute"
    SMART = "smart"


class Written(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Everything written: no text is blank, no collection empty, no URL relative."""

    absolute_urls: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Refuse blanks and relative URLs, then whatever the class itself forbids."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str) and not value.strip():
                self.refuse(f"{name} is blank; leave it out")
            if isinstance(value, dict) and not value:
                self.refuse(f"{name} is empty; leave it out")
        for name in self.absolute_urls:
            url = getattr(self, name)
            if url is not None and not _is_absolute(url):
                self.refuse(f"{name} is no absolute http(s) URL")
        self.check()

    def check(self) -> None:
        """Refuse what the class itself forbids."""

    def refuse(self, reason: str) -> None:
        """Raise CardRefused, naming the class."""
        raise CardRefused(f"{type(self).__name__}: {reason}.")


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url


@final
class Coding(Written, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#coding."""

    code: str
    system: str
    display: str | None = None


@final
class OverrideReason(Written, frozen=True, kw_only=True):
    """A reason a clinician may give for not following; all three members REQUIRED (cds-resp-4)."""

    code: str
    system: str
    display: str


@final
class Source(Written, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#source; ``url`` is the same for every patient."""

    absolute_urls: ClassVar[tuple[str, ...]] = ("url", "icon")

    label: str
    url: str | None = None
    icon: str | None = None
    """An image of 100 x 100 pixels, PNG, without transparency."""
    topic: Coding | None = None


@final
class Link(Written, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#link."""

    absolute_urls: ClassVar[tuple[str, ...]] = ("url",)

    label: str
    url: str
    type: LinkType
    app_context: str | None = None
    autolaunchable: bool = False

    def check(self) -> None:
        """Refuse an appContext that no SMART app would receive (cds-resp-3)."""
        if self.app_context is not None and self.type is not LinkType.SMART:
            self.refuse("app_context belongs to links of type smart only")


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str
    id: str | None = None


_HEAD: Final = msgspec.json.Decoder(_Head)
_RELATIVE_REFERENCE: Final = re.compile(r"[A-Za-z]+/[A-Za-z0-9.\-]{1,64}")


def embedded(resource: Mapping[str, Any]) -> msgspec.Raw:
    """Return a FHIR resource as an action carries it."""
    return msgspec.Raw(msgspec.json.encode(resource))


class _ResourceAction(Written, frozen=True, kw_only=True):
    description: str
    resource: msgspec.Raw

    def head(self) -> _Head:
        try:
            return _HEAD.decode(self.resource)
        except msgspec.DecodeError:
            raise CardRefused(
                f"{type(self).__name__}: the resource is no FHIR resource in JSON."
            ) from None

    def check(self) -> None:
        if not self.head().resource_type:
            self.refuse("the resource has no resourceType")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(description={self.description!r})"


@final
class CreateAction(_ResourceAction, frozen=True, kw_only=True, tag_field="type", tag="create"):
    """Create a resource, given complete: https://cds-hooks.hl7.org/2.0/#action."""


@final
class UpdateAction(_ResourceAction, frozen=True, kw_only=True, tag_field="type", tag="update"):
    """Replace a resource, given whole with its id: https://cds-hooks.hl7.org/2.0/#action."""

    def check(self) -> None:
        """Refuse a resource that does not say which one it replaces."""
        head = self.head()
        if not head.resource_type or not head.id:
            self.refuse("the whole updated resource is needed, with its id")


@final
class DeleteAction(Written, frozen=True, kw_only=True, tag_field="type", tag="delete"):
    """Remove the resource that ``resource_id`` (``Type/id``) names (cds-resp-2)."""

    description: str
    resource_id: str

    def check(self) -> None:
        """Refuse what is no relative reference."""
        if not _RELATIVE_REFERENCE.fullmatch(self.resource_id):
            self.refuse("resource_id is no relative reference Type/id")


Action: TypeAlias = CreateAction | UpdateAction | DeleteAction


@final
class Suggestion(Written, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#suggestion; its actions belong together (all or none)."""

    label: str
    uuid: UUID
    is_recommended: bool = False
    actions: tuple[Action, ...] = ()
    action_selection_behavior: ActionSelectionBehavior | None = None
    """Only for clients known to support it: see :func:`response`."""


@final
class Card(Written, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/2.0/#card-attributes.

    ``uuid`` is optional in the specification and required here: feedback refers to it. ``detail``
    is GitHub Flavored Markdown; whoever writes it escapes what came from the EHR.

    Raises
    ------
    cds_hooks.errors.CardRefused
        The specification forbids the combination.
    """

    uuid: UUID
    summary: str
    indicator: Indicator
    source: Source
    detail: str | None = None
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: SelectionBehavior | None = None
    override_reasons: tuple[OverrideReason, ...] = ()
    links: tuple[Link, ...] = ()
    extension: dict[str, msgspec.Raw] | None = None
    """Agreed with a client beforehand; keys are globally unique, such as ``org.example.key``."""

    def check(self) -> None:
        """Refuse a long summary, and suggestions that contradict their selection behaviour."""
        if len(self.summary) >= SUMMARY_LIMIT or "\n" in self.summary:
            self.refuse(f"summary is not one line of fewer than {SUMMARY_LIMIT} characters")
        if self.suggestions and self.selection_behavior is None:
            self.refuse("suggestions need a selection_behavior (cds-resp-6)")
        if self.selection_behavior is not None and not self.suggestions:
            self.refuse("selection_behavior without suggestions says nothing")
        recommended = sum(suggestion.is_recommended for suggestion in self.suggestions)
        if self.selection_behavior is SelectionBehavior.AT_MOST_ONE and recommended > 1:
            self.refuse("at-most-one may be chosen, so at most one is recommended (cds-resp-1)")
        if any("." not in key for key in self.extension or ()):
            self.refuse("an extension key is not globally unique; begin it with a domain")


@final
class HookResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """https://cds-hooks.hl7.org/2.0/#http-response; only ``cards`` may be an empty array."""

    cards: tuple[Card, ...]
    system_actions: tuple[Action, ...] = ()
    """Only where agreed with the client beforehand (CH-136); no service here sends any."""


def response(cards: Iterable[Card], *, ballot_3: bool = False) -> HookResponse:
    """Return the response that holds ``cards``.

    Parameters
    ----------
    cards
        In the order in which they are to be shown.
    ballot_3
        Whether the client is known to understand the 3.0 ballot.

    Raises
    ------
    cds_hooks.errors.CardRefused
        Two cards or suggestions share a uuid, or one uses the 3.0 ballot towards a 2.0 client.
    """
    answer = HookResponse(cards=tuple(cards))
    suggestions = [suggestion for card in answer.cards for suggestion in card.suggestions]
    uuids = [card.uuid for card in answer.cards] + [each.uuid for each in suggestions]
    if len(set(uuids)) < len(uuids):
        raise CardRefused("HookResponse: two cards or suggestions share a uuid.")
    if not ballot_3 and any(each.action_selection_behavior for each in suggestions):
        raise CardRefused(
            "HookResponse: action_selection_behavior is for clients known to support it."
        )
    return answer
