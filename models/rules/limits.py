"""Limits of memory, time and size for everything that comes from outside, all in one place.

Each has a test with an input that goes beyond it, and a row in `docs/security.md`. What is beyond a
limit is refused with a reason; it is never cut silently.
"""

from datetime import timedelta

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# Feeds
RECORD_BYTES = 1 * MIB
"""Bytes of one record (a line, an object, an element): no letter is longer."""
CELL_CHARACTERS = 131_072
"""Characters of a cell of a text table: in a longer one a quotation mark is not closed."""
KEPT_CHARACTERS = 1_000
"""Characters that are kept of a record that is too long to be one."""
REFUSED_BYTES = 256 * MIB
"""Bytes of a file of refused rows; rows beyond are listed there without their content."""
JSON_DEPTH = 100
"""Objects and lists in one another in a JSON record."""
JSON_DIGITS = 18
"""Digits of a whole number in JSON."""
XML_DEPTH = 50
"""Elements in one another in XML."""
XML_EQUAL_NAMES = 100
"""Elements of the same name in one element of an XML record."""
WORKBOOK_BYTES = 4 * GIB
"""Bytes that a workbook may unpack to; the largest sheet there can be, of letters, has fewer."""
WORKBOOK_SHARED_BYTES = 1 * GIB
"""Bytes of the shared texts of a workbook, which every reader holds in memory."""
WORKBOOK_CELL_BYTES = 1 * MIB
"""Bytes of a text in a workbook."""
FILE_NAME_BYTES = 180
"""Bytes of the name under which a file of a watched folder is kept."""

# Open311 endpoints
PAGE_BYTES = 64 * MIB
"""Bytes of a page, also after it is unpacked."""
PAGE_TIME = timedelta(minutes=5)
"""The time that a page may take, redirects included, however steadily it drips."""
PAGES = 10_000
"""Pages of one poll."""
REDIRECTS = 5
"""Redirects for one page, all on the endpoint's own server."""
TRIES = 5
"""Tries for one page."""
LONGEST_PAUSE = timedelta(minutes=5)
"""The longest pause between two tries, whatever the server asks for."""

# The served monitor
SCREEN_COLUMNS, SCREEN_ROWS = 500, 200
"""Columns and rows of the monitor in a browser; a larger window shows this much."""
BROWSER_MESSAGE_BYTES = 64 * KIB
"""Bytes of one message from a browser."""
TAB_MEMORY_BYTES = 2 * GIB
"""Bytes of address space of the process that serves a browser's tab."""
CONNECTIONS = 512
"""Connections at one time."""
CONNECTIONS_OF_ADDRESS = 256
"""Connections of one address; many people may share it."""
CONNECTION_TIME = timedelta(minutes=1)
"""The time of a connection after it, or its last request, began; a tab's has no such end."""
TABS = 60
"""Tabs at one time; each is a process."""
TABS_OF_PERSON = 5
"""Tabs of one person; another one ends the oldest."""
SESSIONS_OF_PERSON = 5
"""Log-ins of one person; another one ends the oldest."""
SESSION_IDLE = timedelta(minutes=60)
"""The time without a key or the mouse after which a log-in ends; the wallboard has none."""
SESSION_TIME = timedelta(minutes=600)
"""The time after which a log-in ends in any case: a working day."""
LOG_IN_BYTES = 4 * KIB
"""Bytes of a log-in."""
LOG_IN_TRIES = 10
"""Log-ins that fail from an address, or do not of a person, before each one more has to wait."""
LOG_IN_PAUSE = timedelta(minutes=1)
"""The time to wait then."""
KNOWN_ADDRESSES = 10_000
"""Addresses whose log-ins are counted; with more, the oldest are forgotten."""

# The endpoint for messages
LISTEN_JSON_BYTES = 8 * MIB
"""Bytes of a message, or of a list of messages, also after it is unpacked."""
LISTEN_LIST = 5_000
"""Messages of a list, which are taken together or not at all; and of a transaction of lines."""
LISTEN_LINES_BYTES = 4 * GIB
"""Bytes of messages a line, also after they are unpacked; they are taken while they come."""
LISTEN_BATCH_BYTES = 1 * MIB
"""Bytes of lines that are taken together."""
LISTEN_MEMORY_BYTES = 256 * MIB
"""Bytes of bodies that all requests hold at one time."""
LISTEN_PACKED_RATIO = 200
"""Times its size that a packed body may unpack to at most, once that is over a mebibyte."""
LISTEN_PIECE_BYTES = 64 * KIB
"""Bytes of a body that must come in `LISTEN_PIECE_TIME`, and as much of an answer be taken."""
LISTEN_PIECE_TIME = timedelta(minutes=1)
"""The time in which a piece of a body must come, or its end."""
LISTEN_REQUESTS_A_MINUTE = 1_200
"""Requests of one token at once, and each minute."""

# The access log
DENIED_LINES = 10
"""Lines a minute for what one person is denied; more is only counted."""

# The broker and the texts of notices
BELL_BYTES = 64 * KIB
"""Bytes of a bell that a worker reads; larger ones are thrown away unread."""
BELL_NAME_BYTES = 100
"""Bytes of the name of a bell."""
LOGGED_IDS = 20
"""Row ids of a bell that a log line names."""
LOGGED_CHARACTERS = 500
"""Characters of a text in a log line."""
TEMPLATE_CHARACTERS = 2_000
"""Characters of a notice's template, which has no loops."""
