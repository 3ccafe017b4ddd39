"""A route is what the environment configures, or a clear refusal."""

from dataclasses import dataclass

import pytest

from shared.errors import SettingsError
from shared.providers.permission import Rate
from shared.providers.route import Vendor, assemble
from shared.settings import setting


@dataclass(frozen=True)
class PigeonSettings:
    loft: str = setting("PIGEON_LOFT", "Where the pigeons live.")
    grain: str = setting("PIGEON_GRAIN", "What they eat.")


class Named:
    concurrency = 1

    def __init__(self, name):
        self.name = name


VENDORS = {"pigeon": Vendor(PigeonSettings, lambda settings: Named("pigeon"))}
CONFIGURED = {"PIGEON_LOFT": "roof", "PIGEON_GRAIN": "corn"}


def names(named, environ):
    route = assemble("bird", named, VENDORS, Named("outbox"), environ)
    return [provider.name for provider in route.providers]


def test_the_outbox_until_a_provider_is_configured():
    assert names((), {}) == ["outbox"]
    assert names((), CONFIGURED) == ["pigeon"]


def test_nothing_goes_to_a_second_provider_unasked():
    vendors = {**VENDORS, "dove": Vendor(PigeonSettings, lambda settings: Named("dove"))}
    route = assemble("bird", (), vendors, Named("outbox"), CONFIGURED)
    assert [provider.name for provider in route.providers] == ["pigeon"]


def test_a_named_route_is_kept_in_order():
    assert names(("outbox", "pigeon"), CONFIGURED) == ["outbox", "pigeon"]


def test_entries_with_weights_name_providers_too():
    assert names(("outbox:3", "pigeon:1"), CONFIGURED) == ["outbox", "pigeon"]


def test_a_rate_for_nobody_is_refused():
    with pytest.raises(SettingsError, match=r"CRIER_BIRD_RATES must be one of .* Did you mean 'pigeon'\?"):
        assemble("bird", (), VENDORS, Named("outbox"), CONFIGURED, rates={"pigoen": Rate(1, 1)})


def test_a_vendor_can_say_which_variables_mean_it():
    vendor = Vendor(PigeonSettings, lambda settings: Named("pigeon"), signs=("PIGEON_GRAIN",))
    assert not vendor.configured({"PIGEON_LOFT": "roof"})
    assert vendor.configured({"PIGEON_GRAIN": "corn"})


def test_half_configured_is_an_error_and_not_a_silent_outbox():
    with pytest.raises(SettingsError, match="PIGEON_GRAIN is not set"):
        names((), {"PIGEON_LOFT": "roof"})


def test_a_named_provider_without_its_settings_is_refused():
    with pytest.raises(SettingsError) as caught:
        names(("pigeon",), {})
    assert len(caught.value.problems) == 2


def test_an_unknown_provider_is_refused_with_the_nearest_name():
    with pytest.raises(SettingsError, match=r"CRIER_BIRD_ROUTE must be one of .* Did you mean 'pigeon'\?"):
        names(("pigoen",), CONFIGURED)
