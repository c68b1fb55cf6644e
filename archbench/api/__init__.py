"""What a command does, as a Python function: from models to records, over all the layers below."""
