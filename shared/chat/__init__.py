"""What the gateway and the chat service both know of chat: which services there are, and how an address is read.

Apprise (https://appriseit.com) knows how each service is spoken to. It writes the requests; Crier's own client makes
them (`plugins.py`), so that an answer is known for what it is.
"""
