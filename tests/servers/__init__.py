"""Real servers for the tests and the benchmarks.

For each of the two there are three sources, tried in this order: the one whose address is given
(`HOTLINE_TEST_POSTGRES_URL`, `HOTLINE_TEST_BROKER_URL`), the one installed on this machine, and
the one that comes as a wheel with the development tools.
"""
