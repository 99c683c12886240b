"""The monitor: a terminal application that shows the store all day. It knows no queue."""
