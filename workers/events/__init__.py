"""Channels of events: the logs of all tickets, sent to other systems as they are committed."""
