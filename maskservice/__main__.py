"""``python -m maskservice`` is the command line."""

from maskservice.cli import main

if __name__ == "__main__":
    main(prog_name="python -m maskservice")
