"""The delivery loop: a bell is answered by claiming who is due, starting them, calling the provider and settling."""
