"""Logs and metrics: what processes say about themselves, without saying anything about people."""
