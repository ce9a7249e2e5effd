"""``cardiotwin smart-check``: can the app be launched at each registered EHR? It changes nothing.

For whoever registers the app. What the EHR announces is read and judged as a launch would judge
it, and where the EHR granted backend services, a token is asked for and thrown away.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cds_hooks.app import SmartParts
    from cds_hooks.security.smart_registration import SmartRegistration
    from cds_hooks.settings import Settings


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found of one EHR."""

    iss: str
    ready: bool
    why_not: str | None
    """A sentence, where the app could not be launched."""
    smart_version_2: bool | None = None
    token_endpoint: str | None = None
    backend_scopes: tuple[str, ...] | None = None
    """What a backend token is granted; null where none is registered."""


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin smart-check``."""

    @application.command("smart-check")
    def smart_check(
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Ask each EHR of CARDIOTWIN_SMART_EHRS whether the app could be launched there.

        Ends with status 1 where one could not; deploy/portals.md says what to do.
        """
        from cds_hooks.cli.report import print_json
        from cds_hooks.cli.serve import configured

        settings = configured("127.0.0.1", 8000)
        found = asyncio.run(checked(settings))
        if as_json:
            print_json({"ehrs": [asdict(each) for each in found]})
        else:
            for each in found:
                typer.echo(f"{each.iss}: {'ready' if each.ready else each.why_not}")
            if not found:
                typer.echo("No EHR is registered; see deploy/portals.md.")
        if not all(each.ready for each in found):
            raise typer.Exit(1)


async def checked(settings: Settings) -> list[Readiness]:
    """Return what was found of each registered EHR."""
    from cds_hooks.app import smart_parts
    from cds_hooks.clock import SystemClock

    settings.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    parts = smart_parts(settings, SystemClock())
    try:
        return [await _checked(each, parts) for each in parts.registrations]
    finally:
        await parts.servers.aclose()


async def _checked(registration: SmartRegistration, parts: SmartParts) -> Readiness:
    from cds_hooks.clock import SystemClock
    from cds_hooks.errors import CardioTwinError
    from cds_hooks.security.backend_token import BackendTokens
    from cds_hooks.security.smart_discovery import refuse_unable

    iss = registration.iss
    try:
        announced = await parts.servers.configuration(registration)
        refuse_unable(announced, registration, standalone=registration.standalone)
        scopes: tuple[str, ...] | None = None
        if registration.backend:
            tokens = BackendTokens(
                parts.registrations, parts.servers, parts.own_keys, SystemClock()
            )
            scopes = tuple(sorted((await tokens.grant(iss)).scopes))
    except CardioTwinError as error:
        return Readiness(iss, ready=False, why_not=str(error))
    return Readiness(
        iss,
        ready=True,
        why_not=None,
        smart_version_2=announced.version_2,
        token_endpoint=announced.token_endpoint,
        backend_scopes=scopes,
    )
