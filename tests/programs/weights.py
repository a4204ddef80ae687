"""How often each kind of statement is drawn."""

from __future__ import annotations

SCALARS = {
    "new_float": 10,
    "set_float": 14,
    "add_float": 14,
    "pair": 4,
    "both": 2,
    "new_int": 3,
    "set_int": 3,
    "flag": 2,
}
WRITES = {"store": 14, "update": 12, "assign": 12, "scale": 3}
OTHERS = {
    "allocate": 7, "compute": 10, "alias": 8, "rebind": 5, "swap": 4, "call_statement": 3, "function": 3, "pack": 2, "record": 5,
    "unpack": 2,
}  # fmt: skip
LOOPS = {"branch": 16, "counted": 20, "over": 12, "rows": 4, "condition_loop": 10}
