"""``python -m cep`` is the ``cep`` command.

Tested by: tests/cli/test_command.py
"""

from cep.cli import main

if __name__ == "__main__":
    main()
