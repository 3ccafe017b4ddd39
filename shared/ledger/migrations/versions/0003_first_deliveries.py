"""A notification's first delivery has its id, so that it is found without an index of its own.

Every delivery is written anew, with an entry in every index, when it is claimed and when it is settled: an index less
is a tenth less to do for a message. Only further deliveries of a notification, and those accepted before, are in one.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE INDEX deliveries_beside ON deliveries (notification_id) WHERE id <> notification_id;
DROP INDEX deliveries_of_notification;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("Statements of this version need the schema as it is: restore a backup instead.")
