"""``gradtier export``: a run in the formats that CI systems read, JUnit XML and CTRF JSON.

What each outcome is called there is decided in :mod:`gradtier.export.results`, once for all
formats.
"""
