"""`python -m adcompiler`: the command line."""

from adcompiler.cli import main

raise SystemExit(main())
