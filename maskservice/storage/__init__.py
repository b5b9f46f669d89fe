"""What is remembered: tables, repositories and the unit of work, on SQLite and PostgreSQL. SQLAlchemy lives here only.

Answers for: the promises of ``services/ports.py``. Must not know: flask's request or g, web, what a sealed value says.
"""
