"""The image and the composed service, as far as they can be tested without Docker."""
