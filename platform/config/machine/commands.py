"""How this platform's own programs are run: with this interpreter, and nothing heavy imported to know it."""

import sys

# -P: the folder that the command is typed in has no say in what is imported.
OURS = (sys.executable, "-P", "-m")
