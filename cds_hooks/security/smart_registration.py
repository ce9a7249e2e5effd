"""What was agreed with one EHR when the SMART app was registered there, and what is asked of it.

Pure. The registrations are read from the settings; ``deploy/portals.md`` says how each portal
names these things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, final

from cds_hooks.errors import HostNotAllowed, LaunchRefused
from cds_hooks.security.egress import Egress, Network, Origin, origin_of

CALLBACK_PATH: Final = "/callback"
LAUNCH_PATH: Final = "/launch"
KEY_SET_PATH: Final = "/.well-known/jwks.json"

READ_TYPES: Final = (
    "Patient",
    "Encounter",
    "Observation",
    "MedicationAdministration",
    "ImagingStudy",
    "DocumentReference",
    "DiagnosticReport",
    "Media",
    "Binary",
)
"""What the twin and the page read of a patient; the same as the hooks' prefetch."""

PROPOSED_TYPES: Final = ("MedicationRequest", "DeviceRequest", "ServiceRequest")
"""What a chosen intervention is handed back as: created as a draft, never changed or deleted."""

SCOPES: Final = (
    *(f"patient/{name}.rs" for name in READ_TYPES),
    # Where the images are; an Endpoint is in no patient's record.
    "user/Endpoint.rs",
    *(f"patient/{name}.c" for name in PROPOSED_TYPES),
)
"""The whole of what is asked, without a wildcard (SM-033), in the form of SMART 2 (SM-048)."""

SCOPES_OF_VERSION_1: Final = (
    *(f"patient/{name}.read" for name in READ_TYPES),
    "user/Endpoint.read",
    *(f"patient/{name}.write" for name in PROPOSED_TYPES),
)
"""The same for servers without ``permission-v2`` (SM-049, SM-050)."""

BACKEND_SCOPES: Final = tuple(f"system/{name}.rs" for name in READ_TYPES)
BACKEND_SCOPES_OF_VERSION_1: Final = tuple(f"system/{name}.read" for name in READ_TYPES)


@final
class ClientKind(StrEnum):
    """How the app proves at the token endpoint that it is the registered client."""

    PUBLIC = "public"
    SYMMETRIC = "symmetric"
    """A shared secret by HTTP Basic."""
    ASYMMETRIC = "asymmetric"
    """A signed assertion, ``private_key_jwt``; what a server-side app should be (SM-009)."""


@final
@dataclass(frozen=True, slots=True)
class SmartRegistration:
    """One EHR at which the app is registered."""

    iss: str
    """Base URL of its FHIR server, without a slash at the end."""
    client_id: str
    kind: ClientKind
    client_secret: str | None = field(default=None, repr=False)
    algorithm: str | None = None
    """``ES384`` or ``RS384`` where the EHR takes one of them only; None: as it announces."""
    key_set_url: str | None = None
    """``jku`` of assertions: where the public keys were registered by URL."""
    servers: tuple[str, ...] = ()
    """Origins, besides that of ``iss``, of its authorization server."""
    frame_ancestors: tuple[str, ...] = ()
    standalone: bool = False
    """Whether the app may be started without the EHR having chosen a patient."""
    backend: bool = False
    """Whether the EHR granted this client system scopes (SMART Backend Services)."""
    scopes: tuple[str, ...] | None = None
    """What to ask in place of the reviewed list."""
    unlisted_pkce: bool = False
    """The EHR takes S256 without announcing it, as some do."""
    capability_statement: bool = False
    """The EHR, of SMART 1, announces its endpoints in /metadata only."""

    def egress(self, private_networks: Iterable[Network] = ()) -> Egress:
        """Return the gate to this EHR's servers, and to no other's."""
        return Egress((self.iss, *self.servers), private_networks)

    def owns(self, url: str) -> bool:
        """Return whether a URL lies on one of this EHR's servers."""
        return _origin_or_none(url) in self.egress().origins


@final
class Registrations:
    """Every EHR at which the app is registered; an unknown one is refused, never contacted."""

    def __init__(self, registrations: Iterable[SmartRegistration] = ()) -> None:
        self._by_iss = {each.iss: each for each in registrations}

    def __iter__(self) -> Iterator[SmartRegistration]:
        """Return each registration."""
        return iter(self._by_iss.values())

    def of(self, iss: str) -> SmartRegistration:
        """Return the registration of the EHR whose FHIR base this is (SM-020).

        Raises
        ------
        cds_hooks.errors.LaunchRefused
            There is none.
        """
        found = self._by_iss.get(iss.rstrip("/"))
        if found is None:
            raise LaunchRefused(
                "iss",
                "This EHR's FHIR server is not registered with this installation of CardioTwin."
                " Whoever runs it adds it to CARDIOTWIN_SMART_EHRS.",
            )
        return found

    def frame_ancestors(self) -> tuple[str, ...]:
        """Return the origins of all EHRs that may show the app in a frame."""
        return tuple(dict.fromkeys(one for each in self for one in each.frame_ancestors))


def _origin_or_none(url: str) -> Origin | None:
    try:
        return origin_of(url)
    except HostNotAllowed:
        return None
