"""Use cases: one verb a function, over ports. Must not know Flask, SQLAlchemy or cryptography."""
