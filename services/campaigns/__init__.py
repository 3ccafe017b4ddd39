"""Campaigns: `dramatiq services.campaigns` makes notifications of the members of audiences, as fast as is wanted."""

from services.campaigns.actors import declare
from shared.runtime import host

broker = host(declare)
