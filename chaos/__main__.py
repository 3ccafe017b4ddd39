"""`python -m chaos`: see `chaos.command`."""

from chaos.command import main

main(prog_name="python -m chaos")
