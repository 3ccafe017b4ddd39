"""People's inboxes as they are shown to servers and browsers alike: what an answer looks like, and who may ask."""
