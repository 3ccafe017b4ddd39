"""In-app: `dramatiq services.inapp` consumes inapp.critical, inapp.normal and inapp.bulk.

`python -m services.inapp` is the other half: it shows browsers their inboxes, and keeps them up to date.
"""

from services.inapp.actors import declare
from shared.runtime import host

broker = host(declare)
