"""`/v1/categories`: what a project's messages are about, as far as people may choose."""

from dataclasses import asdict

from flask import Response
from flask_smorest import Blueprint

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.people_schemas import CategoryListSchema, CategoryRequestSchema, CategorySchema, RemovedSchema
from services.gateway.routes import route
from shared.errors import InvalidInput
from shared.intake.fields import Category as CategoryName
from shared.intake.problems import StrictSchema, load
from shared.ledger.categories import Category

KB = 1024

blueprint = Blueprint(
    "categories", __name__, url_prefix="/v1/categories", description="What messages are about, of which people choose."
)


class _NameSchema(StrictSchema):
    name = CategoryName()


_CATEGORY, _NAME = CategoryRequestSchema(), _NameSchema()


@route(
    blueprint, "GET", "", scope="read", name="listCategories",
    answers=(200, CategoryListSchema, "The categories, in their order."),
)  # fmt: skip
def index() -> Response:
    """The project's categories"""
    return answer({"items": [asdict(one) for one in parts().categories.all(identity().project_id)]})


@route(
    blueprint, "GET", "/<name>", scope="read", name="getCategory", answers=(200, CategorySchema, "The category."),
)  # fmt: skip
def show(name: str) -> Response:
    """A category"""
    return answer(asdict(parts().categories.get(identity().project_id, name)))


@route(
    blueprint, "PUT", "/<name>", scope="admin", name="putCategory",
    answers=(200, CategorySchema, "The category, as it is declared now."),
    body={"application/json": CategoryRequestSchema}, about_body="16 KB.", examples=examples.CATEGORIES,
)  # fmt: skip
def put(name: str) -> Response:
    """Declare a category, or say anew what it is

    People choose among the declared ones; templates, and requests with `content`, name them.
    """
    load(_NAME, {"name": name})
    asked = load(_CATEGORY, json_body(16 * KB))
    if asked["required"] and asked["promotional"]:
        raise InvalidInput({"promotional": ["What is required cannot be promotional: nobody has to get offers."]})
    parts().categories.put(identity().project_id, Category(name, **asked))
    return show(name)


@route(
    blueprint, "DELETE", "/<name>", scope="admin", name="removeCategory",
    answers=(200, RemovedSchema, "It is declared no more."),
)  # fmt: skip
def remove(name: str) -> Response:
    """Declare a category no more

    What people chose stays, and holds for messages that still name it.
    """
    parts().categories.remove(identity().project_id, name)
    return answer({"removed": name})
