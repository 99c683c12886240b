"""The monthly bulletin as a terminal table, CSV, workbook and HTML page with charts."""
