"""The tests. A package with a name of its own: packages of others sometimes install a ``tests`` too, which would win
over a bare folder."""
