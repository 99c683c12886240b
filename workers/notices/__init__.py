"""Notices: routed by the channels file, and sent by file, log, mail, robots and webhooks."""
