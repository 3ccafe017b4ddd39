"""Twilio, for every channel that goes through it: one account, one transport, one table of codes.

SMS and WhatsApp are one API. What only one of them has is beside its adapter.
"""
