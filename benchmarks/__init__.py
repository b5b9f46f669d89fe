"""What the speed claims rest on: ``python -m benchmarks`` prints and saves the table, the other files look closer.

Answers for: nothing but being a package. Must not know: the service's inside, but for what a floor is replayed from.
"""
