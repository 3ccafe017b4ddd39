"""The OpenAPI document, driven by schemathesis: whatever it allows and forbids is answered as it says, never by 5xx."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
CHILD = ("putTemplate", "previewTemplate")  # each starts a process
EXAMPLES, EXAMPLES_OF_CHILD = 20, 4


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_the_document_says(app: Flask, key: str, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_wsgi("/openapi.json", app)
    tried = set()
    for found in document.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES_OF_CHILD if name in CHILD else EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def conforms(case: Any) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

        conforms()
        tried.add(name)
    assert {"send", "sendBulk", "listNotifications", "getBatch", "registerDevice"} <= tried
