"""The bulletin as people read it: a terminal's table, CSV, a workbook, a page with charts."""
