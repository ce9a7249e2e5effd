"""The request a CDS Client sends, read once into frozen values; no decisions.

Prefetch values stay :class:`msgspec.Raw`: they are large, and only the service that asked for one
knows how to read it. Members that the specification does not name are tolerated; those of a
context are kept in ``other``, because hooks gain optional fields in minor versions.

Specification: https://cds-hooks.hl7.org/2.0/#calling-a-cds-service
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias, final
from uuid import UUID

import msgspec

from cds_hooks.errors import BadRequest, WrongHook
from cds_hooks.wire.reading import decode, refuse_other_than_utf8

# FHIR's own rule for an id, https://hl7.org/fhir/R4/datatypes.html#id: nothing else may enter a
# query.
FhirId: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9\-.]{1,64}\Z")]

# Invariant ord-1 of the hook library; also what a relative literal reference looks like.
FhirReference: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z]+/[A-Za-z0-9_.\-]{1,64}\Z")
]

Filled: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


@final
class FhirAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    """The EHR's token: https://cds-hooks.hl7.org/2.0/#passing-the-access-token-to-the-cds-service.

    ``subject`` is REQUIRED of the client but nothing here depends on it, so that its absence
    stops nobody.
    """

    access_token: Filled
    token_type: Annotated[str, msgspec.Meta(pattern=r"^[Bb]earer\Z")]
    expires_in: Annotated[int, msgspec.Meta(ge=0)]
    scope: str
    subject: str | None = None
    patient: FhirId | None = None

    def __repr__(self) -> str:
        """Show nothing of the token."""
        return "FhirAuthorization(...)"


@final
class HookRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The members of every hook request: https://cds-hooks.hl7.org/2.0/#http-request_1."""

    hook: Filled
    hook_instance: UUID
    context: msgspec.Raw
    fhir_server: Filled | None = None
    fhir_authorization: FhirAuthorization | None = msgspec.field(
        default=None, name="fhirAuthorization"
    )
    prefetch: dict[str, msgspec.Raw] | None = None
    extension: dict[str, msgspec.Raw] | None = None

    def __repr__(self) -> str:
        """Show nothing of the patient."""
        return f"HookRequest(hook={self.hook!r}, hook_instance={self.hook_instance!r})"


class _Context(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all contexts share: the patient, and members no hook definition names yet."""

    patient_id: FhirId
    # No member of any hook can be called "", so that a client never fills this by itself.
    other: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict, name="")
    """Members that this version of the hook does not define, as they came."""

    def __repr__(self) -> str:
        """Show nothing of the patient."""
        return f"{type(self).__name__}(...)"


@final
class PatientViewContext(_Context, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/hooks/patient-view/STU1/patient-view/."""

    user_id: FhirReference
    encounter_id: FhirId | None = None


@final
class EncounterStartContext(_Context, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/hooks/encounter-start/STU1/encounter-start/."""

    user_id: FhirReference
    encounter_id: FhirId


@final
class EncounterDischargeContext(_Context, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/hooks/encounter-discharge/STU1/encounter-discharge/."""

    user_id: FhirReference
    encounter_id: FhirId


@final
class OrderSignContext(_Context, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/hooks/order-sign/STU1/order-sign/."""

    user_id: FhirReference
    draft_orders: tuple[msgspec.Raw, ...]
    """The resources of the Bundle ``draftOrders``, in its order."""
    encounter_id: FhirId | None = None


@final
class OrderSelectContext(_Context, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/hooks/order-select/STU1/order-select/."""

    user_id: FhirReference
    selections: tuple[FhirReference, ...]
    """References ``Type/id`` into ``draft_orders``: what was newly selected."""
    draft_orders: tuple[msgspec.Raw, ...]
    encounter_id: FhirId | None = None


@final
class OrderDispatchContext(_Context, frozen=True, kw_only=True):
    """https://cds-hooks.hl7.org/hooks/order-dispatch/2023SepSTU1Ballot/order-dispatch/."""

    dispatched_orders: Annotated[tuple[FhirReference, ...], msgspec.Meta(min_length=1)]
    performer: FhirReference
    fulfillment_tasks: tuple[msgspec.Raw, ...] = ()

    @property
    def user_id(self) -> None:
        """Return None: a dispatch may be made by the system, so the hook defines no user."""
        return None

    @property
    def encounter_id(self) -> None:
        """Return None: the hook defines no encounter."""
        return None


HookContext: TypeAlias = (
    PatientViewContext
    | EncounterStartContext
    | EncounterDischargeContext
    | OrderSelectContext
    | OrderSignContext
    | OrderDispatchContext
)


class _Entry(msgspec.Struct, frozen=True):
    # msgspec reads no Raw inside a union, so that an absent resource is an empty one.
    resource: msgspec.Raw = msgspec.Raw()


class _DraftOrders(msgspec.Struct, frozen=True, tag_field="resourceType", tag="Bundle"):
    entry: tuple[_Entry, ...] = ()


class _OrderSignOnWire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    patient_id: FhirId
    user_id: FhirReference
    draft_orders: _DraftOrders
    encounter_id: FhirId | None = None


class _OrderSelectOnWire(_OrderSignOnWire, frozen=True, kw_only=True):
    selections: tuple[FhirReference, ...]


_ON_WIRE: Final[dict[str, tuple[type[msgspec.Struct], type[HookContext]]]] = {
    "patient-view": (PatientViewContext, PatientViewContext),
    "encounter-start": (EncounterStartContext, EncounterStartContext),
    "encounter-discharge": (EncounterDischargeContext, EncounterDischargeContext),
    "order-select": (_OrderSelectOnWire, OrderSelectContext),
    "order-sign": (_OrderSignOnWire, OrderSignContext),
    "order-dispatch": (OrderDispatchContext, OrderDispatchContext),
}
READABLE_HOOKS: Final = frozenset(_ON_WIRE)
"""The hooks whose context can be read."""

_REQUEST: Final = msgspec.json.Decoder(HookRequest)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CONTEXTS: Final = {hook: msgspec.json.Decoder(on_wire) for hook, (on_wire, _) in _ON_WIRE.items()}


def read_request(body: bytes | msgspec.Raw) -> HookRequest:
    """Read the members that all hooks share; the context and prefetch values stay unread.

    Raises
    ------
    cds_hooks.errors.NotJson
        The body is not JSON.
    cds_hooks.errors.BadRequest
        A member is missing or of the wrong type, or an access token came without its server
        (invariant cds-r-1).
    """
    refuse_other_than_utf8(body)
    request = decode(_REQUEST, body)
    if request.fhir_authorization is not None and request.fhir_server is None:
        raise BadRequest(
            "$.fhirAuthorization came without the $.fhirServer that it belongs to; send both."
        )
    return request


def read_context(hook: str, context: msgspec.Raw) -> HookContext:
    """Read the context of one hook, opening the Bundle of draft orders once.

    Raises
    ------
    cds_hooks.errors.WrongHook
        No service here answers the hook, so that its context is unknown.
    cds_hooks.errors.BadRequest
        A required field is missing or a field is of the wrong type; the message names its JSON
        path.
    """
    if hook not in _ON_WIRE:
        raise WrongHook("No CDS Service here answers this hook; see GET /cds-services.")
    members = decode(_MEMBERS, context, at="$.context")
    read = decode(_CONTEXTS[hook], context, at="$.context")
    return _settled(read, _ON_WIRE[hook][1], members)


def _settled(
    read: msgspec.Struct, context: type[HookContext], members: Mapping[str, msgspec.Raw]
) -> HookContext:
    known = set(read.__struct_encode_fields__)
    fields = {name: getattr(read, name) for name in read.__struct_fields__ if name != "other"}
    if isinstance(read, _OrderSignOnWire):
        fields["draft_orders"] = tuple(
            entry.resource
            for entry in read.draft_orders.entry
            if bytes(entry.resource) not in {b"", b"null"}
        )
    fields["other"] = {name: value for name, value in members.items() if name not in known}
    return context(**fields)
