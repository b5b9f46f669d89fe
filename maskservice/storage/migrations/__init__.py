"""Alembic's scripts, inside the package so that an installed service can migrate. Must not know: the models; a script
is frozen history."""
