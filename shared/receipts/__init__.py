"""What providers report later: who may say so, what was said, and what it means. A module per provider.

Gateway and relay share it: the gateway verifies and stores, the relay reads and applies.
"""
