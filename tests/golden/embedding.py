import numpy as np


def embedding_grad(table, words):
    """Gradient of embedding with respect to table."""
    rows = table[words]

    # reverse sweep
    table_bar = np.zeros_like(table)
    # rows = table[words]
    np.add.at(table_bar, words, np.cumsum(rows, axis=0) + np.cumsum(rows[::-1], axis=0)[::-1])
    return table_bar
