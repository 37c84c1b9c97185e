"""``python -m gradtier``."""

from gradtier.cli import main

main(prog_name="gradtier")
