"""Messages as the people who get them see them, drawn as HTML: what the outbox kept, and what a template makes.

shown.py     Shown: a message, and what is worth saying beside it
kept.py      what the outbox kept, as a Shown
drawing.py   fragment(shown), page([shown, …])     → HTML without a script
mail.py      a mail's document, made ready for a frame of its own
pages/       how each channel looks: a Jinja2 file for each, and one stylesheet

Everything that comes from data is escaped. A mail's own HTML stands in a sandboxed frame, where no script runs and
nothing can be sent anywhere; its pictures come from where it says they are.
"""

from shared.previews.drawing import POLICY, fragment, page
from shared.previews.shown import Shown

__all__ = ["POLICY", "Shown", "fragment", "page"]
