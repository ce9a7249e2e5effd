"""One hook call, end to end: read, check whose it is, gather, ask the service, remember.

HTTP is elsewhere, and so is all clinical choice. Order matters here: nothing is fetched before
the context is read, and no service sees a call whose data might be another patient's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, final

import msgspec
import structlog

from cds_hooks.errors import FeedbackNotStored, UnknownService, WrongHook
from cds_hooks.ports import Clock, Ehr, FeedbackStore, Grant, IssuedCard
from cds_hooks.prefetch_rules import faults
from cds_hooks.security.scopes import split
from cds_hooks.services.gather import GATHER_DEADLINE_S, Sources, gather
from cds_hooks.services.ownership import refuse_drafts_of_others
from cds_hooks.services.service import CdsService, HookCall, ServiceDefinition
from cds_hooks.wire.discovery import Discovery, discovery
from cds_hooks.wire.request import (
    HookContext,
    HookRequest,
    OrderDispatchContext,
    OrderSelectContext,
    OrderSignContext,
    read_context,
    read_request,
)
from cds_hooks.wire.response import Card, HookResponse, response

_LOG: Final = structlog.get_logger("cds_hooks")


@final
@dataclass(frozen=True, slots=True)
class Registry:
    """The CDS Services of this installation, by id and hook (CH-021)."""

    services: Mapping[str, Mapping[str, CdsService]]
    ballot_3: bool = False

    @staticmethod
    def of(services: Iterable[CdsService], *, ballot_3: bool = False) -> Registry:
        """Return the registry of these services.

        Raises
        ------
        ValueError
            Two services answer one hook under one id, or a prefetch template breaks the
            specification; the message lists the breaches.
        """
        by_id: dict[str, dict[str, CdsService]] = {}
        for service in services:
            definition = service.definition
            if found := faults(definition.prefetch, definition.hooks, ballot_3=ballot_3):
                raise ValueError(f"{definition.id}: {'; '.join(found)}")
            hooks = by_id.setdefault(definition.id, {})
            if twice := sorted(hooks.keys() & set(definition.hooks)):
                raise ValueError(f"{definition.id} is registered twice for {', '.join(twice)}")
            hooks.update(dict.fromkeys(definition.hooks, service))
        return Registry(by_id, ballot_3)

    @property
    def definitions(self) -> tuple[ServiceDefinition, ...]:
        """Return each service's definition once, in the order of registration."""
        each_hook = chain.from_iterable(hooks.values() for hooks in self.services.values())
        return tuple({id(each): each.definition for each in each_hook}.values())

    def discovery(self) -> Discovery:
        """Return what discovery answers."""
        return discovery(self.definitions, ballot_3=self.ballot_3)

    def has(self, service_id: str) -> bool:
        """Return whether there is a service of this id."""
        return service_id in self.services

    def service(self, service_id: str, hook: str) -> CdsService:
        """Return the service that answers a hook.

        Raises
        ------
        cds_hooks.errors.UnknownService
        cds_hooks.errors.WrongHook
        """
        if service_id not in self.services:
            raise UnknownService("No CDS Service has this id; see GET /cds-services.")
        hooks = self.services[service_id]
        if hook not in hooks:
            raise WrongHook(
                f"$.hook is not one that {service_id} answers: {', '.join(sorted(hooks))}."
            )
        return hooks[hook]


@final
@dataclass(frozen=True, slots=True)
class Answering:
    """The use case behind ``POST /cds-services/{id}``."""

    registry: Registry
    ehr: Ehr
    feedback: FeedbackStore
    clock: Clock
    deadline_s: float = GATHER_DEADLINE_S

    async def answer(self, service_id: str, issuer: str, body: bytes) -> HookResponse:
        """Return the cards for one call.

        Parameters
        ----------
        service_id
            The last part of the URL that was called.
        issuer
            The verified caller.
        body
            The request, within the limits on size and depth.

        Raises
        ------
        cds_hooks.errors.CallerError
            The request is at fault; the subclass says how.
        cds_hooks.errors.PreconditionsMissing
            Essential data could not be had.
        """
        received_at = self.clock.now()
        gather_until = asyncio.get_running_loop().time() + self.deadline_s
        request = read_request(body)
        service = self.registry.service(service_id, request.hook)
        structlog.contextvars.bind_contextvars(
            hook=request.hook, hook_instance=str(request.hook_instance)
        )
        context = read_context(request.hook, request.context)
        refuse_drafts_of_others(_drafts(context), context.patient_id)
        grant = grant_of(request, received_at)
        sources = Sources(request.prefetch or {}, grant, self.ehr, self.deadline_s)
        call = HookCall(
            hook=request.hook,
            hook_instance=request.hook_instance,
            issuer=issuer,
            context=context,
            fhir_server=request.fhir_server,
            grant=grant,
            chart=await gather(service.definition, context, sources),
            received_at=received_at,
            gather_until=gather_until,
        )
        answer = response(await service.cards(call), ballot_3=self.registry.ballot_3)
        await self._remember(answer.cards, service_id, issuer, received_at)
        return answer

    async def _remember(
        self, cards: Iterable[Card], service_id: str, issuer: str, at: datetime
    ) -> None:
        issued = [
            IssuedCard(
                card.uuid, tuple(each.uuid for each in card.suggestions), service_id, issuer, at
            )
            for card in cards
        ]
        try:
            await self.feedback.remember(issued)
        except FeedbackNotStored:
            # The clinician needs the card more than we need to hear what became of it.
            _LOG.warning("issued_cards_not_remembered", cards=len(issued))


def grant_of(request: HookRequest, received_at: datetime) -> Grant | None:
    """Return what the EHR allows for this call; None where it gives no usable access.

    A server without a token is an open one, as sandboxes have. A token without any lifetime left
    is none: it is not used after ``expires_in`` (CH-055).
    """
    if request.fhir_server is None:
        return None
    given = request.fhir_authorization
    if given is None:
        return Grant(request.fhir_server, None, frozenset(), None, None)
    if given.expires_in == 0:
        return None
    return Grant(
        fhir_server=request.fhir_server,
        access_token=given.access_token,
        scopes=split(given.scope),
        patient_id=given.patient,
        expires_at=received_at + timedelta(seconds=min(given.expires_in, _LONGEST_GRANT_S)),
    )


_LONGEST_GRANT_S: Final = 86_400
"""No hook call needs a token longer than a day, whatever the number that was sent."""


def _drafts(context: HookContext) -> Iterable[msgspec.Raw]:
    match context:
        case OrderSelectContext() | OrderSignContext():
            return context.draft_orders
        case OrderDispatchContext():
            return context.fulfillment_tasks
    return ()
