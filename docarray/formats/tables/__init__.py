"""Flat tables, a column for each field and nested ones as ``outer__inner``: CSV and data frames."""
