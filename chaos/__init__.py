"""Faults on purpose: every row of the fault matrix against real processes and servers, judged by a witness."""
