"""``cardiotwin try``: the services against an open FHIR server, which is only ever read."""

from __future__ import annotations

import tempfile
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    import httpx2
    from rich.console import Console

    from cds_hooks.cli.child_processes import Servers

READY_S = 150.0
TIMEOUT_S = 30.0
MOST_OBSERVATIONS = 200
"""How many recent vital signs are looked through for a patient."""


class CannotTry(Exception):
    """The server cannot be tried; the message is a sentence that says why and what to do."""


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin try``."""

    @application.command("try")
    def try_server(
        fhir_server: Annotated[str, typer.Option(help="Base URL of an open FHIR R4 server.")],
        patient: Annotated[
            str | None, typer.Option(help="Patient id; one with vital signs otherwise.")
        ] = None,
    ) -> None:
        """Run the services for a patient of an open FHIR server and print the cards.

        No other host is contacted, and the server is only read (GET). Use invented patients.
        """
        from cds_hooks.cli.child_processes import ServerFailed, Servers
        from cds_hooks.cli.hook_calls import CallFailed
        from cds_hooks.cli.report import console

        base = fhir_server.rstrip("/")
        if urlsplit(base).scheme not in {"http", "https"} or not urlsplit(base).hostname:
            typer.echo("--fhir-server takes a URL such as https://host/fhir.", err=True)
            raise typer.Exit(2)
        console.print(f"The only host contacted is {urlsplit(base).netloc}; it is only read.")
        with tempfile.TemporaryDirectory(prefix="cardiotwin-try-") as name:
            try:
                chosen = patient or find_patient(base)
                with Servers(Path(name)) as servers:
                    show_cards(start(servers, Path(name), base), base, chosen)
            except (CannotTry, ServerFailed, CallFailed) as error:
                typer.echo(str(error), err=True)
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                typer.echo("Ended.", err=True)
                raise typer.Exit(1) from None


def find_patient(base: str) -> str:
    """Return the id of the patient with the most kinds of vital signs among the newest.

    Raises
    ------
    CannotTry
        The server does not answer, is closed, is no FHIR server, or has no vital signs.
    """
    import httpx2

    from cds_hooks.cli.report import console

    with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
        _read(client, f"{base}/metadata", "CapabilityStatement")
        found = _read(
            client,
            f"{base}/Observation?category=vital-signs&_sort=-date&_count={MOST_OBSERVATIONS}",
            "Bundle",
        )
    kinds: dict[str, set[str]] = defaultdict(set)
    for entry in found.get("entry", []):
        resource = entry.get("resource", {})
        kind, _, patient_id = str(resource.get("subject", {}).get("reference")).rpartition("/")
        if kind.endswith("Patient"):
            codings = resource.get("code", {}).get("coding", [])
            kinds[patient_id].update(str(coding.get("code")) for coding in codings)
    if not kinds:
        raise CannotTry(
            "The server shows no Observation of category vital-signs. "
            "Name a patient with --patient."
        )
    chosen = max(kinds, key=lambda patient_id: len(kinds[patient_id]))
    console.print(f"Patient {chosen}: {len(kinds[chosen])} kinds of recent vital signs.")
    return chosen


def _read(client: httpx2.Client, url: str, resource_type: str) -> dict[str, Any]:
    """GET one resource."""
    import httpx2

    try:
        answer = client.get(url, headers={"Accept": "application/fhir+json"})
    except httpx2.TransportError as error:
        raise CannotTry(
            f"{urlsplit(url).netloc} did not answer ({type(error).__name__}). "
            "Is the URL right, and can this machine reach it?"
        ) from error
    if answer.status_code in {401, 403}:
        raise CannotTry("The server asks for a login; only open servers can be tried.")
    if not answer.is_success:
        raise CannotTry(f"{url} answered {answer.status_code}, not a {resource_type}.")
    try:
        resource = answer.json()
    except ValueError:
        resource = None
    if not isinstance(resource, dict) or resource.get("resourceType") != resource_type:
        raise CannotTry(f"{url} did not answer with a {resource_type}: is this a FHIR R4 base?")
    return resource


def start(servers: Servers, folder: Path, base: str) -> str:
    """Start the service for this one FHIR server and return its address.

    Raises
    ------
    cds_hooks.cli.child_processes.ServerFailed
        The service ended or did not answer.
    """
    from cds_hooks.cli.child_processes import HOST, free_port
    from cds_hooks.cli.report import console

    port = free_port()
    service = f"http://{HOST}:{port}"
    servers.start(
        "service",
        ["cds_hooks.cli", "serve", "--host", HOST, "--port", str(port)],
        f"{service}/health",
        {
            "CARDIOTWIN_PUBLIC_BASE_URL": service,
            # Nobody but this command calls: the service listens on the loopback, for this run.
            "CARDIOTWIN_TRUST": "open",
            "CARDIOTWIN_SANDBOX": "true",
            "CARDIOTWIN_ALLOWED_FHIR_SERVERS": base,
            "CARDIOTWIN_PRIVATE_NETWORKS": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8",
            "CARDIOTWIN_GATHER_DEADLINE_S": "30",
            "CARDIOTWIN_DATA_DIRECTORY": str(folder / "data"),
        },
    )
    with console.status("Starting the service"):
        servers.wait_until_ready(READY_S)
    return service


def show_cards(service: str, base: str, patient_id: str) -> None:
    """Open the patient's chart, then write two orders; print the cards.

    Raises
    ------
    cds_hooks.cli.hook_calls.CallFailed
        No service could answer.
    """
    import httpx2
    from rich.console import Console

    from cds_hooks.cli.hook_calls import (
        CallFailed,
        bolus,
        discover,
        draft,
        metoprolol,
        with_drafts,
    )

    console = Console()
    context = {"userId": "Practitioner/cardiotwin-try", "patientId": patient_id}
    orders = [draft(order, patient_id) for order in (bolus(500, 15), metoprolol(5))]
    refusals: list[str] = []
    answered = 0
    with httpx2.Client(trust_env=False) as client:
        for found in discover(client, f"{service}/cds-services", {}):
            if found["hook"] not in {"patient-view", "order-sign"}:
                continue
            asked = with_drafts(context, orders) if found["hook"] == "order-sign" else context
            try:
                _print_answer(client, service, base, found, asked, console)
                answered += 1
            except CallFailed as refusal:
                refusals.append(str(refusal))
    for sentence in refusals:
        typer.echo(sentence, err=True)
    if not answered:
        raise CallFailed("No service could answer for this patient.")


def _print_answer(
    client: httpx2.Client,
    service: str,
    base: str,
    found: dict[str, Any],
    context: dict[str, Any],
    console: Console,
) -> None:
    from cds_hooks.cli.hook_calls import call
    from cds_hooks.cli.printed_cards import print_card

    body = {
        "hook": found["hook"],
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": base,
        "context": context,
    }
    answer = call(client, f"{service}/cds-services/{found['id']}", {}, body)
    console.rule(f"{found['hook']}: {found['id']}, {answer.milliseconds:.0f} ms without prefetch")
    for card in answer.cards:
        print_card(console, card)
    if not answer.cards:
        console.print("No cards: nothing to say for this patient.")
