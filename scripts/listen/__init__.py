"""`hotline listen`: messages by HTTP, taken in the same way as those of a feed."""
