"""The monitor: what operators watch all day. It reads the store and knows no queue."""
