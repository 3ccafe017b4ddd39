"""Reminders of events: when each is due, and what may be asked for."""
