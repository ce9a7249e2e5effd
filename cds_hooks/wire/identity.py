"""Where the uuids of cards and suggestions come from. Pure: the same call gives the same uuids.

They are name-based (RFC 9562, version 5) in the namespace of the call's ``hookInstance``. A
random uuid would need a source of randomness in every card; this way a client that repeats a call
after a lost answer receives the same uuids, so that feedback on either answer meets one card. The
issuer is part of the name: ``hookInstance`` is chosen by the client, and two EHRs must not be
able to meet each other's cards.
"""

from __future__ import annotations

from uuid import UUID, uuid5


def card_uuid(hook_instance: UUID, issuer: str, service_id: str, key: str) -> UUID:
    """Return the uuid of one card of one call.

    Parameters
    ----------
    hook_instance, issuer
        As the :class:`~cds_hooks.services.service.HookCall` has them.
    service_id
        The CDS Service that speaks.
    key
        What the card is about, unique within the service's answer, e.g. ``risk`` or
        ``order/MedicationRequest/1``.
    """
    return uuid5(hook_instance, f"{issuer}\n{service_id}\n{key}")


def suggestion_uuid(card: UUID, key: str) -> UUID:
    """Return the uuid of the suggestion ``key`` of the card with the uuid ``card``."""
    return uuid5(card, f"suggestion\n{key}")
