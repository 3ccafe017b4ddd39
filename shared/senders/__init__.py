"""Who messages come from: the identity each project gives itself, over what the installation is configured with."""
