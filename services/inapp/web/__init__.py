"""What shows browsers their inboxes: a small asynchronous server, since a stream stays open for hours."""
