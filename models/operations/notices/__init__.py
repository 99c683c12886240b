"""Notices (通知) in the store: routed, held in batches while they are sent, and recorded."""
