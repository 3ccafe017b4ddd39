"""Which providers report to an installation is what its environment says."""

from dataclasses import MISSING, fields
from importlib import import_module

import pytest

from shared.errors import SettingsError
from shared.receipts.sources import VENDORS, assemble
from shared.settings import variable_of


def test_without_settings_nobody_reports():
    assert assemble({}) == {}


def test_those_with_settings_do():
    found = assemble({"TWILIO_AUTH_TOKEN": "t" * 32, "MAILGUN_WEBHOOK_SIGNING_KEY": "k" * 32})
    assert {name: source.name for name, source in found.items()} == {"twilio": "twilio", "mailgun": "mailgun"}


def test_wrong_settings_are_named_together():
    with pytest.raises(SettingsError) as error:
        assemble({"SES_SNS_TOPIC_ARN": "nonsense", "SENDGRID_WEBHOOK_PUBLIC_KEY": "nonsense"})
    assert [problem.split()[0] for problem in error.value.problems] == [
        "SENDGRID_WEBHOOK_PUBLIC_KEY", "SES_SNS_TOPIC_ARN",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "vendor"), VENDORS.items())
def test_the_sign_of_each_is_what_it_cannot_do_without(name, vendor):
    module = import_module(vendor.module)
    required = [variable_of(one) for one in fields(getattr(module, vendor.settings)) if one.default is MISSING]
    assert required == [vendor.sign]
    assert getattr(module, vendor.source).name == name
