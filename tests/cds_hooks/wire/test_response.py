"""Cards that the specification forbids cannot be built; what is built is written without gaps."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from cds_hooks.errors import CardRefused
from cds_hooks.wire.identity import card_uuid, suggestion_uuid
from cds_hooks.wire.response import (
    ActionSelectionBehavior,
    Card,
    Coding,
    CreateAction,
    DeleteAction,
    Indicator,
    Link,
    LinkType,
    OverrideReason,
    SelectionBehavior,
    Source,
    Suggestion,
    UpdateAction,
    embedded,
    response,
)

CALL = UUID("d1577c69-dfbe-44ad-ba6d-3e05e953b2ea")
CARD = card_uuid(CALL, "https://ehr.example", "order-effects", "risk")
ORDER = {"resourceType": "MedicationRequest", "id": "1", "status": "draft", "intent": "proposal"}


def card(**changes: Any) -> Card:
    fields: dict[str, Any] = {
        "uuid": CARD,
        "summary": "Mean pressure is falling",
        "indicator": Indicator.WARNING,
        "source": Source(label="CardioTwin"),
    }
    return Card(**(fields | changes))


def suggestion(key: str = "a", **changes: Any) -> Suggestion:
    fields: dict[str, Any] = {"label": "Give 500 mL", "uuid": suggestion_uuid(CARD, key)}
    return Suggestion(**(fields | changes))


def written(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.requirement("CH-085")
def test_a_summary_of_139_characters_is_the_longest() -> None:
    assert len(card(summary="x" * 139).summary) == 139
    with pytest.raises(CardRefused, match="summary"):
        card(summary="x" * 140)


@pytest.mark.requirement("CH-085")
def test_a_summary_is_one_line() -> None:
    with pytest.raises(CardRefused, match="summary"):
        card(summary="Two\nlines")


@pytest.mark.requirement("CH-086")
def test_the_indicator_is_one_of_the_three_of_the_specification() -> None:
    assert [indicator.value for indicator in Indicator] == ["info", "warning", "critical"]
    assert written(card())["indicator"] == "warning"


@pytest.mark.requirement("CH-005", "CH-089", "CH-100", "CH-108", "CH-118", "CH-123")
@pytest.mark.parametrize(
    "build",
    [
        lambda: card(summary=" "),
        lambda: card(detail=""),
        lambda: card(extension={}),
        lambda: Source(label=""),
        lambda: Coding(code="", system="http://loinc.org"),
        lambda: Coding(code="8867-4", system=""),
        lambda: Coding(code="8867-4", system="http://loinc.org", display=""),
        lambda: suggestion(label=""),
        lambda: CreateAction(description="", resource=embedded(ORDER)),
        lambda: DeleteAction(description=" ", resource_id="MedicationRequest/1"),
        lambda: Link(label="", url="https://twin.example", type=LinkType.ABSOLUTE),
        lambda: Link(
            label="Twin", url="https://twin.example", type=LinkType.SMART, app_context=""
        ),
    ],
)
def test_a_blank_text_or_empty_object_is_refused(build: Any) -> None:
    with pytest.raises(CardRefused):
        build()


@pytest.mark.requirement("CH-004", "CH-005", "CH-006", "CH-092", "CH-096", "CH-098")
def test_what_a_card_does_not_have_is_left_out_of_it() -> None:
    assert written(card()) == {
        "uuid": str(CARD),
        "summary": "Mean pressure is falling",
        "indicator": "warning",
        "source": {"label": "CardioTwin"},
    }


@pytest.mark.requirement("CH-093")
def test_suggestions_need_a_selection_behaviour() -> None:
    with pytest.raises(CardRefused, match="cds-resp-6"):
        card(suggestions=(suggestion(),))
    with pytest.raises(CardRefused, match="says nothing"):
        card(selection_behavior=SelectionBehavior.ANY)


@pytest.mark.requirement("CH-094")
def test_the_selection_behaviours_are_the_two_of_the_specification() -> None:
    assert [behaviour.value for behaviour in SelectionBehavior] == ["at-most-one", "any"]


@pytest.mark.requirement("CH-095", "CH-110", "CH-111")
def test_two_recommended_suggestions_need_the_behaviour_any() -> None:
    both = tuple(suggestion(key, is_recommended=True) for key in "ab")
    with pytest.raises(CardRefused, match="cds-resp-1"):
        card(suggestions=both, selection_behavior=SelectionBehavior.AT_MOST_ONE)
    accepted = card(suggestions=both, selection_behavior=SelectionBehavior.ANY)
    assert [each["isRecommended"] for each in written(accepted)["suggestions"]] == [True, True]


@pytest.mark.requirement("CH-110")
def test_a_suggestion_that_is_not_recommended_does_not_say_so() -> None:
    assert "isRecommended" not in written(suggestion())


@pytest.mark.requirement("CH-105", "CH-106", "CH-107")
def test_a_source_may_have_a_topic_that_is_coded() -> None:
    topic = Coding(code="12345", system="http://loinc.org", display="Haemodynamics")
    source = Source(label="CardioTwin", topic=topic)
    assert written(source)["topic"] == {
        "code": "12345",
        "system": "http://loinc.org",
        "display": "Haemodynamics",
    }
    for missing in ({"code": "12345"}, {"system": "http://loinc.org"}):
        with pytest.raises(TypeError):
            Coding(**missing)


@pytest.mark.requirement("CH-097")
def test_an_override_reason_has_code_system_and_display() -> None:
    reason = OverrideReason(code="seen", system="https://twin.example/reasons", display="Seen")
    assert set(written(reason)) == {"code", "system", "display"}
    with pytest.raises(TypeError):
        OverrideReason(code="seen", system="https://twin.example/reasons")  # type: ignore[call-arg]


@pytest.mark.requirement("CH-101", "CH-103", "CH-124")
@pytest.mark.parametrize(
    "url", ["twin.example", "/about", "javascript:alert(1)", "https://", "http://[", "ftp://a/b"]
)
def test_a_url_is_absolute_and_http(url: str) -> None:
    with pytest.raises(CardRefused):
        Source(label="CardioTwin", url=url)
    with pytest.raises(CardRefused):
        Source(label="CardioTwin", icon=url)
    with pytest.raises(CardRefused):
        Link(label="Twin", url=url, type=LinkType.ABSOLUTE)


@pytest.mark.requirement("CH-128", "CH-129", "CH-130")
def test_only_a_smart_link_carries_an_app_context() -> None:
    smart = Link(
        label="Twin", url="https://twin.example/launch", type=LinkType.SMART, app_context="x"
    )
    assert written(smart)["appContext"] == "x"
    with pytest.raises(CardRefused, match="smart"):
        Link(label="A", url="https://twin.example", type=LinkType.ABSOLUTE, app_context="x")


@pytest.mark.requirement("CH-126", "CH-132")
def test_a_link_is_absolute_or_smart_and_autolaunchable_is_spelt_in_one_word() -> None:
    assert [kind.value for kind in LinkType] == ["absolute", "smart"]
    link = Link(label="Twin", url="https://twin.example", type=LinkType.SMART, autolaunchable=True)
    assert written(link)["autolaunchable"] is True


@pytest.mark.requirement("CH-117", "CH-119")
def test_an_action_names_its_type_and_holds_the_resource_as_it_was_given() -> None:
    action = CreateAction(description="Order a bolus", resource=embedded(ORDER))
    assert written(action) == {
        "type": "create",
        "description": "Order a bolus",
        "resource": ORDER,
    }


@pytest.mark.requirement("CH-119")
@pytest.mark.parametrize("resource", [b"{}", b"[]", b"null", b"nonsense", b'{"resourceType":""}'])
def test_what_is_no_resource_is_not_created(resource: bytes) -> None:
    with pytest.raises(CardRefused):
        CreateAction(description="Order a bolus", resource=msgspec.Raw(resource))


@pytest.mark.requirement("CH-120")
def test_an_update_says_which_resource_it_replaces() -> None:
    assert written(UpdateAction(description="Slower", resource=embedded(ORDER)))["type"] == (
        "update"
    )
    without_id = {key: value for key, value in ORDER.items() if key != "id"}
    with pytest.raises(CardRefused, match="id"):
        UpdateAction(description="Slower", resource=embedded(without_id))


@pytest.mark.requirement("CH-121")
def test_a_deletion_names_the_resource_and_carries_none() -> None:
    action = DeleteAction(description="Stop", resource_id="MedicationRequest/1")
    assert written(action) == {
        "type": "delete",
        "description": "Stop",
        "resourceId": "MedicationRequest/1",
    }
    for wrong in ("1", "https://ehr.example/MedicationRequest/1", "MedicationRequest/", "A/b c"):
        with pytest.raises(CardRefused):
            DeleteAction(description="Stop", resource_id=wrong)


@pytest.mark.requirement("CH-088", "CH-109")
def test_two_cards_of_one_response_never_share_a_uuid() -> None:
    with pytest.raises(CardRefused, match="share a uuid"):
        response([card(), card()])
    twice = (suggestion("a"), suggestion("a"))
    with pytest.raises(CardRefused, match="share a uuid"):
        response([card(suggestions=twice, selection_behavior=SelectionBehavior.ANY)])


@pytest.mark.requirement("CH-088", "CH-109")
def test_the_same_call_gives_the_same_uuids_and_another_call_or_ehr_others() -> None:
    other_call = UUID("00000000-0000-4000-8000-000000000000")
    identities = {
        card_uuid(CALL, "https://ehr.example", "order-effects", "risk"),
        card_uuid(CALL, "https://ehr.example", "order-effects", "order"),
        card_uuid(CALL, "https://ehr.example", "deterioration-risk", "risk"),
        card_uuid(CALL, "https://other.example", "order-effects", "risk"),
        card_uuid(other_call, "https://ehr.example", "order-effects", "risk"),
        suggestion_uuid(CARD, "a"),
        suggestion_uuid(CARD, "b"),
    }
    assert len(identities) == 7
    assert CARD in identities


@pytest.mark.requirement("CH-077", "CH-078")
def test_nothing_to_say_is_an_empty_list_of_cards() -> None:
    assert written(response([])) == {"cards": []}


@pytest.mark.requirement("CH-115", "CH-116")
def test_the_ballots_action_selection_reaches_only_clients_known_to_support_it() -> None:
    assert [each.value for each in ActionSelectionBehavior] == ["all", "any", "at-most-one"]
    new = card(
        suggestions=(suggestion(action_selection_behavior=ActionSelectionBehavior.ANY),),
        selection_behavior=SelectionBehavior.ANY,
    )
    with pytest.raises(CardRefused, match="known to support"):
        response([new])
    assert response([new], ballot_3=True).cards == (new,)


@pytest.mark.requirement("CH-140", "CH-141")
def test_an_extension_is_an_object_whose_keys_begin_with_a_domain() -> None:
    accepted = card(extension={"org.example.twin": msgspec.Raw(b'{"seen":1}')})
    assert written(accepted)["extension"] == {"org.example.twin": {"seen": 1}}
    with pytest.raises(CardRefused, match="domain"):
        card(extension={"twin": msgspec.Raw(b"1")})


@pytest.mark.requirement("CH-142")
def test_a_card_has_no_member_of_our_own() -> None:
    with pytest.raises(TypeError):
        card(priority=1)


@pytest.mark.requirement("CH-079", "CH-135", "CH-136")
def test_system_actions_are_actions_and_absent_unless_put_there() -> None:
    action = DeleteAction(description="Stop", resource_id="MedicationRequest/1")
    plain = response([card()])
    assert "systemActions" not in written(plain)
    agreed = msgspec.structs.replace(plain, system_actions=(action,))
    assert written(agreed)["systemActions"] == [written(action)]


def test_an_action_shows_no_patient_when_printed() -> None:
    action = CreateAction(
        description="Order a bolus",
        resource=embedded(ORDER | {"subject": {"display": "Canary Person"}}),
    )
    assert "Canary" not in repr(action)
