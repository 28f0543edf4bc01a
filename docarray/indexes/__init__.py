"""Document indexes. ``docs/adding/index.md`` tells how to add a database to them."""
