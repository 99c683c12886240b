"""Office time between two instants: what of it lies within the office hours of working days."""

from datetime import datetime, timedelta

from models.rules.calendar import SHANGHAI, Calendar
from models.rules.terms import OfficeHours


def office_time(
    first: datetime, last: datetime, calendar: Calendar, hours: OfficeHours
) -> timedelta:
    """Return the office time from one instant to a later one; nothing where it is not later."""
    begins, ends = first.astimezone(SHANGHAI), last.astimezone(SHANGHAI)
    total = timedelta()
    for n in range((ends.date() - begins.date()).days + 1):
        day = begins.date() + timedelta(n)
        if calendar.is_working(day):
            for half in (hours.morning, hours.afternoon):
                opened = max(begins, datetime.combine(day, half.begins, SHANGHAI))
                closed = min(ends, datetime.combine(day, half.ends, SHANGHAI))
                total += max(closed - opened, timedelta())
    return total
