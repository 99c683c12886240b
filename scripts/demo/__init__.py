"""A district's two working weeks, for somebody who has never seen the service at work."""
