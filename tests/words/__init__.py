"""Checks that the old words of `old_words.toml` do not come back."""
