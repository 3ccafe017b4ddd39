"""Plurals in the source of a template: a form that its language needs and nobody wrote is found before it is sent."""

from jinja2 import nodes

from shared.templates.formats import PLURALS, plural_categories

_POSITIONS = ("one", "other")


def problem_of(plural: nodes.Filter, language: str) -> str | None:
    """What is wrong with a use of `|plural` in a text in `language`, if it can be told from what is written."""
    if plural.dyn_args or plural.dyn_kwargs:
        return None
    given = [*_POSITIONS[: len(plural.args)], *(pair.key for pair in plural.kwargs)]
    unknown = [name for name in given if name not in PLURALS]
    if unknown:
        return f"plural: there is no form `{unknown[0]}`; there are {', '.join(PLURALS)}."
    missing = [name for name in plural_categories(language) if name not in given]
    if missing:
        return (
            f"plural: {language} needs the forms {', '.join(plural_categories(language))}; "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        )
    return None
