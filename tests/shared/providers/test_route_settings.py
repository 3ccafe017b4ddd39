"""Routes and rates as people write them."""

from dataclasses import dataclass

import pytest

from shared.errors import SettingsError
from shared.providers.permission import Rate
from shared.providers.route_settings import names_of, rates_of, rates_setting, route_setting, weights_of
from shared.settings import load_one


@dataclass(frozen=True)
class BirdSettings:
    route: tuple[str, ...] = route_setting("bird")
    rates: tuple[str, ...] = rates_setting("bird")


def load(**environ: str) -> BirdSettings:
    return load_one(BirdSettings, {f"CRIER_BIRD_{name.upper()}": value for name, value in environ.items()})


def test_order_and_weights() -> None:
    preferred, shared = load(route="pigeon, crow").route, load(route="pigeon:3,crow:1").route
    assert (names_of(preferred), weights_of(preferred)) == (["pigeon", "crow"], {})
    assert (names_of(shared), weights_of(shared)) == (["pigeon", "crow"], {"pigeon": 3, "crow": 1})
    assert load().route == ()


def test_rates() -> None:
    rates = rates_of(load(rates="pigeon=100, crow=30/m,owl=0.5/s,kite=7200/h").rates)
    assert rates == {"pigeon": Rate(100, 100), "crow": Rate(0.5, 1), "owl": Rate(0.5, 1), "kite": Rate(2, 2)}


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"route": "pigeon:3,crow"}, "CRIER_BIRD_ROUTE gives a weight to some and not to others"),
        ({"route": "pigeon:0"}, "CRIER_BIRD_ROUTE has a weight that is no whole number from 1 to 9999: pigeon:0"),
        ({"route": "pigeon:much,crow:1"}, "no whole number"),
        ({"route": "pigeon,crow,pigeon"}, "CRIER_BIRD_ROUTE names pigeon more than once"),
        ({"rates": "pigeon"}, "CRIER_BIRD_RATES has 'pigeon': write a=100"),
        ({"rates": "pigeon=0"}, "has 'pigeon=0'"),
        ({"rates": "pigeon=5/d"}, "has 'pigeon=5/d'"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load(**environ)
