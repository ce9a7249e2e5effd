"""``cardiotwin demo``: the service, a sandbox EHR and a picture archive, and one order entered."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import httpx2
    from rich.console import Console

    from cds_hooks.cli.child_processes import Servers
    from cds_hooks.cli.printed_cards import Change

SMART_CLIENT = "cardiotwin"
PATIENT = {"patientId": "bleeding", "encounterId": "bleeding-stay"}
BOLUS, BETA_BLOCKER = "500 mL crystalloid in 15 min", "metoprolol 5 mg into a vein"
OUTPUT, HEART_RATE, PRESSURE = "cardiac output", "heart rate", "MAP"
READY_S = 150.0
"""On a fresh machine the service compiles the twin's kernels before it answers."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the three servers of the demonstration are."""

    ehr: str
    archive: str
    service: str


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin demo``."""

    @application.command("demo")
    def demo(
        once: Annotated[bool, typer.Option(help="End after the scenario, 0 when right.")] = False,
        port: Annotated[
            int, typer.Option(help="Port of the order-entry page, if it is free.")
        ] = 8001,
    ) -> None:
        """Start everything, enter an order for a bleeding patient, and show the cards.

        Needs no EHR, picture archive, database or account; the patients are invented.
        """
        from rich.console import Console

        from cds_hooks.cli.child_processes import ServerFailed, Servers
        from cds_hooks.cli.hook_calls import CallFailed

        console = Console()
        with tempfile.TemporaryDirectory(prefix="cardiotwin-demo-") as name:
            try:
                with Servers(Path(name)) as servers:
                    addresses = start(servers, Path(name), 0 if once else port)
                    problem = play(addresses, console)
                    if problem is not None:
                        typer.echo(f"The demonstration is not right: {problem}", err=True)
                    if not once:
                        _stay(servers, addresses, console)
                    if problem is not None:
                        raise typer.Exit(1)
            except (ServerFailed, CallFailed) as error:
                typer.echo(str(error), err=True)
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                typer.echo("Ended.", err=True)


def start(servers: Servers, folder: Path, page_port: int) -> Addresses:
    """Start the three servers and wait until they answer.

    Raises
    ------
    cds_hooks.cli.child_processes.ServerFailed
        One of them ended or did not answer.
    """
    from cds_hooks.cli.child_processes import HOST, free_port
    from cds_hooks.cli.report import console

    ports = (free_port(page_port), free_port(), free_port())
    # Another site than the service's address, as in a hospital: ports alone make no difference to
    # a browser's cookies, and faults of a framed app would stay hidden.
    ehr = f"http://localhost:{ports[0]}"
    archive, service = (f"http://{HOST}:{port}" for port in ports[1:])
    addresses = Addresses(ehr, f"{archive}/dicom-web", service)
    listed = [
        *("--host", HOST, "--port", str(ports[0]), "--public-url", ehr),
        *("--smart-app", service),
        *("--cds-services", f"{service}/cds-services"),
        *("--dicomweb", addresses.archive),
    ]
    servers.start("sandbox EHR", ["sandbox_ehr", *listed], f"{ehr}/fhir/metadata", {})
    servers.start(
        "picture archive",
        ["sandbox_ehr.pacs", "--port", str(ports[1])],
        f"{addresses.archive}/studies",
        {},
    )
    servers.start(
        "service",
        ["cds_hooks.cli", "serve", "--host", HOST, "--port", str(ports[2])],
        f"{service}/health",
        service_settings(addresses, folder / "data"),
    )
    with console.status("Starting the service, the sandbox EHR and the picture archive"):
        servers.wait_until_ready(READY_S)
    return addresses


def service_settings(addresses: Addresses, data_directory: Path) -> dict[str, str]:
    """Return the service's configuration: it trusts the sandbox EHR and no one else."""
    issuer = {"iss": addresses.ehr, "jku": f"{addresses.ehr}/.well-known/jwks.json"}
    launching = {
        "iss": f"{addresses.ehr}/fhir",
        "client_id": SMART_CLIENT,
        "client": "asymmetric",
        "frame_ancestors": [addresses.ehr],
        "standalone": True,
        "backend": True,
    }
    return {
        "CARDIOTWIN_PUBLIC_BASE_URL": addresses.service,
        "CARDIOTWIN_TRUST": "required",
        "CARDIOTWIN_ISSUERS": json.dumps([issuer]),
        "CARDIOTWIN_SMART_EHRS": json.dumps([launching]),
        "CARDIOTWIN_ALLOWED_FHIR_SERVERS": f"{addresses.ehr}/fhir",
        "CARDIOTWIN_ALLOWED_DICOMWEB": addresses.archive,
        "CARDIOTWIN_CORS_ORIGINS": addresses.ehr,
        "CARDIOTWIN_DATA_DIRECTORY": str(data_directory),
    }


def play(addresses: Addresses, console: Console) -> str | None:
    """Enter two orders for the bleeding patient and print the cards; return what is wrong.

    Raises
    ------
    cds_hooks.cli.hook_calls.CallFailed
        A service did not answer with cards.
    """
    import httpx2

    from cds_hooks.cli.hook_calls import bolus, discover, draft, metoprolol, with_drafts
    from cds_hooks.cli.printed_cards import print_comparison

    patient_id = PATIENT["patientId"]
    changes: dict[str, Mapping[str, Change]] = {}
    links: list[Mapping[str, str]] = []
    with httpx2.Client(trust_env=False) as client:
        asked = client.post(
            f"{addresses.ehr}/order-entry/token",
            json={"url": f"{addresses.service}/cds-services"},
        )
        services = discover(
            client,
            f"{addresses.service}/cds-services",
            {"Authorization": asked.json()["authorization"]},
        )
        console.rule("An EHR opens the chart of a bleeding patient (invented)")
        _ask(client, addresses, services, "patient-view", PATIENT, links, console)
        for name, order in ((BOLUS, bolus(500, 15)), (BETA_BLOCKER, metoprolol(5))):
            console.rule(f"An order is signed: {name}")
            context = with_drafts(PATIENT, [draft(order, patient_id)])
            changes[name] = _ask(
                client, addresses, services, "order-sign", context, links, console
            )
        print_comparison(console, changes)
        console.rule("The link of a card is followed: a SMART launch")
        wrong_launch = launch(client, addresses, links, console)
    return what_is_wrong(changes) or wrong_launch


def launch(
    client: httpx2.Client,
    addresses: Addresses,
    links: Sequence[Mapping[str, str]],
    console: Console,
) -> str | None:
    """Follow a card's link as the sandbox EHR does, and log out; return what is wrong.

    Raises
    ------
    cds_hooks.cli.hook_calls.CallFailed
        A server did not answer.
    """
    from cds_hooks.cli.demo_launch import Browsing, launched, logged_out

    link = next((each for each in links if each["type"] == "smart"), None)
    if link is None or link["url"] != f"{addresses.service}/launch":
        return "no card links to the app."
    browsing = Browsing(client)
    context = {
        "patient": PATIENT["patientId"],
        "encounter": PATIENT["encounterId"],
        "appContext": link["appContext"],
    }
    page = launched(browsing, addresses.ehr, SMART_CLIENT, context)
    for step in page.steps:
        console.print(f"[dim]{step}[/dim]")
    console.print(f"The patient's page was open after {page.milliseconds:.0f} ms.")
    if not page.url.startswith(f"{addresses.service}/app?session=") or page.status != 200:
        return f"the launch ended at {page.url.partition('?')[0]} with status {page.status}."
    if not logged_out(browsing, addresses.service, page):
        return "the session that the launch opened is none."
    return None


def _ask(
    client: httpx2.Client,
    addresses: Addresses,
    services: list[dict[str, object]],
    hook: str,
    context: Mapping[str, object],
    links: list[Mapping[str, str]],
    console: Console,
) -> dict[str, Change]:
    """Call every service of a hook as the sandbox EHR does; return the changes its cards state.

    The links of the cards are added to ``links``.
    """
    from cds_hooks.cli.hook_calls import call
    from cds_hooks.cli.printed_cards import print_card, simulated_changes

    found: dict[str, Change] = {}
    for service in (each for each in services if each["hook"] == hook):
        wanted = {
            "hook": hook,
            "service": service["id"],
            "prefetch": service.get("prefetch", {}),
            "context": context,
        }
        ready = client.post(f"{addresses.ehr}/order-entry/hook-request", json=wanted).json()
        headers = {"Authorization": ready["authorization"]}
        answer = call(client, ready["url"], headers, ready["body"])
        console.print(
            f"[dim]{service['id']}: {len(answer.cards)} card(s) in "
            f"{answer.milliseconds:.0f} ms[/dim]"
        )
        for card in answer.cards:
            print_card(console, card)
            found.update(simulated_changes(card))
            links.extend(card.get("links", ()))
    return found


def what_is_wrong(changes: Mapping[str, Mapping[str, Change]]) -> str | None:
    """Return a sentence where the simulated effects point in the wrong direction, else None.

    A bolus raises the output of a heart that lacks filling; a beta blocker slows the heart and
    takes from its output (Guyton and Hall, Textbook of Medical Physiology, chapter 20).
    """
    for order in (BOLUS, BETA_BLOCKER):
        for quantity in (OUTPUT, PRESSURE):
            change = changes.get(order, {}).get(quantity)
            if change is None:
                return f"no card states the change of {quantity} by {order}."
            if not change.low < change.high:
                return f"the change of {quantity} by {order} has no interval."
    if changes[BOLUS][OUTPUT].middle <= 0:
        return f"{BOLUS} does not raise the cardiac output."
    if changes[BETA_BLOCKER][OUTPUT].middle >= 0:
        return f"{BETA_BLOCKER} does not lower the cardiac output."
    heart_rate = changes[BETA_BLOCKER].get(HEART_RATE)
    if heart_rate is None or heart_rate.middle >= 0:
        return f"{BETA_BLOCKER} does not lower the heart rate."
    return None


def _stay(servers: Servers, addresses: Addresses, console: Console) -> None:
    """Print where to look and keep running until interrupted."""
    console.rule("Now try it yourself")
    for words, url in (
        ("Order entry (open this)", addresses.ehr),
        ("Portal: the twin in a frame", f"{addresses.ehr}/portal"),
        ("What the service says of itself", f"{addresses.service}/documentation"),
        ("CDS Hooks discovery", f"{addresses.service}/cds-services"),
        ("FHIR server of the sandbox", f"{addresses.ehr}/fhir/metadata"),
        ("Picture archive", f"{addresses.archive}/studies"),
    ):
        console.print(f"{words:34} [link={url}]{url}[/link]")
    console.print("Ctrl-C ends it all.")
    while True:
        time.sleep(1)
        servers.check()
