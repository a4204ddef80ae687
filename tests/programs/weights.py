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
WRITES = {"store": 12, "update": 10, "assign": 12, "scale": 3, "placed": 10, "masked": 8}
OTHERS = {
    "allocate": 7, "compute": 16, "alias": 8, "rebind": 5, "swap": 4, "call_statement": 3, "function": 3, "pack": 2, "record": 6,
    "unpack": 2, "rebuild": 14, "flattened": 3, "new_indices": 5, "turn_indices": 3, "new_mask": 4, "turn_mask": 2,
}  # fmt: skip
LOOPS = {"branch": 16, "counted": 20, "over": 12, "rows": 4, "condition_loop": 10}
