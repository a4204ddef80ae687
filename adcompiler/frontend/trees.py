"""Functions of structures of arrays: applied leaf by leaf, the structure known while compiling."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from adcompiler.frontend.arguments import Handler, Kwargs
from adcompiler.frontend.context import Context
from adcompiler.frontend.values import Arr, Map, Num, Rec, Seq, Val, describe, is_none


def tree_map(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if kwargs or len(args) < 2:
        raise cx.error("tree_map takes a function and one structure or more", "ad.tree_map(f, params, grads)")
    return _mapped(cx, lambda leaves: cx.call(cx, args[0], leaves, {}), args[1], args[2:])


def tree_leaves(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if kwargs or len(args) != 1:
        raise cx.error("tree_leaves takes one structure")
    return Seq(tuple(_leaves(cx, args[0])))


def tree_unflatten(cx: Context, args: list[Val], kwargs: Kwargs, node: ast.Call | None) -> Val:
    if kwargs or len(args) != 2:
        raise cx.error("tree_unflatten takes a structure and the new leaves", "ad.tree_unflatten(params, leaves)")
    leaves, count = cx.content(args[1]), len(_leaves(cx, args[0]))
    if not isinstance(leaves, Seq):
        raise cx.error(f"the leaves are {describe(leaves)}", "a tuple, as ad.tree_leaves gives it")
    if len(leaves.items) != count:
        raise cx.error(f"{len(leaves.items)} leaves for a structure of {count}")
    rest = iter(leaves.items)
    return _mapped(cx, lambda _: next(rest), args[0], [])


def _leaves(cx: Context, tree: Val) -> list[Val]:
    found: list[Val] = []

    def visit(leaves: list[Val]) -> Val:
        found.append(leaves[0])
        return leaves[0]

    _mapped(cx, visit, tree, [])
    return found


def _mapped(cx: Context, fn: Callable[[list[Val]], Val], tree: Val, rest: list[Val]) -> Val:
    content = cx.content(tree)
    if isinstance(content, Num | Arr):
        return fn([content, *rest])
    if is_none(content):
        return content
    if not isinstance(content, Seq | Map | Rec):
        raise cx.error(f"{describe(content)} is neither a number, an array nor a structure of these")
    others = [_parts(cx, content, r) for r in rest]
    parts = tuple([_mapped(cx, fn, p, [o[k] for o in others]) for k, p in enumerate(content.items)])
    made = replace(content, items=parts)
    return made if isinstance(made, Seq) else cx.box(made)


def _parts(cx: Context, like: Seq | Map | Rec, tree: Val) -> tuple[Val, ...]:
    """The parts of a structure in the order of those of another one of its kind."""
    content = cx.content(tree)
    if isinstance(like, Seq) and isinstance(content, Seq) and len(content.items) == len(like.items):
        return content.items
    if isinstance(like, Map) and isinstance(content, Map) and {*content.keys} == {*like.keys}:
        return tuple([content.items[content.keys.index(k)] for k in like.keys])
    if isinstance(like, Rec) and isinstance(content, Rec) and content.cls is like.cls:
        return content.items
    raise cx.error(f"the structures differ: {describe(like)} and {describe(content)}", "structures of one form")


TREES: dict[str, Handler] = {"tree_map": tree_map, "tree_leaves": tree_leaves, "tree_unflatten": tree_unflatten}
