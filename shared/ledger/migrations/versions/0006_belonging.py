"""What a notification belongs to: a category of messages that people choose, a chain, or a digest it collects.

None of them changes after acceptance. Null where there is none, so that adding them rewrites no table.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = """
ALTER TABLE notifications ADD COLUMN category text;
ALTER TABLE notifications ADD COLUMN chain_id uuid;
ALTER TABLE notifications ADD COLUMN digest boolean;
"""


def upgrade() -> None:
    op.execute(SCHEMA)


def downgrade() -> None:
    raise RuntimeError("What happened to messages is not forgotten: restore a backup instead.")
