"""The domain: tickets, the regulation's rules and the store, without broker and screen."""
