"""Which deliveries are a notification's.

The first has the notification's own id (see `derived_id`). Only further ones, to a second device or address, are in an
index by notification, `deliveries_beside`: almost every notification has one, and each index costs every message.
"""


def children_of(notification: str, d: str = "d") -> str:
    """SQL that is true for the deliveries of a notification.

    Parameters:
        notification: SQL for its id.
    """
    return f"({d}.id = {notification} OR ({d}.notification_id = {notification} AND {d}.id <> {d}.notification_id))"
