"""The provider port: what a vendor adapter is. Channel services own the adapters, the delivery loop calls them."""

from shared.providers.port import Provider, Sent

__all__ = ["Provider", "Sent"]
