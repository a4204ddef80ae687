"""The array language as a table: what NumPy makes of arrays of which shapes.

A signature gives the operands' axes by letters, as einsum does: equal letters, equal extents. `i?` is a mask, `i<a`
are indices into an axis `a`, nothing at all a number; digits are extents themselves. `D` is twice `d`, `z` is x + y,
`q` is p + 1, `w` is i * j. In a template `{0}` is the first operand, `{i}` an extent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from programs.scope import Shape

Table = dict[str, tuple[str, ...]]
Sizes = dict[str, int]

PICKED: Table = {
    "a,i<a->i": ("{0}[{1}]", "{0}[{1}]", "np.take({0}, {1})"),
    "aj,i<a->ij": ("{0}[{1}]", "{0}[{1}, :]", "np.take({0}, {1}, axis=0)"),
    "ja,i<a->ji": ("{0}[:, {1}]", "{0}[..., {1}]", "np.take({0}, {1}, axis=1)"),
    "ab,i<a,i<b->i": ("{0}[{1}, {2}]",),
    "ib,i<b->i": ("{0}[np.arange({i}), {1}]", "{0}[np.arange(len({0})), {1}]"),
    "ab,i<a,j<b->ij": ("{0}[{1}][:, {2}]", "{0}[{1}[:, None], {2}]"),
    "a,ij<a->ij": ("{0}[{1}]",),
    "ajk,i<a->ijk": ("{0}[{1}]",),
    "jak,i<a->jik": ("{0}[:, {1}]",),
    "abj,i<a,i<b->ij": ("{0}[{1}, {2}]",),
    "ajb,i<a,i<b->ij": ("{0}[{1}, :, {2}]",),
    "ia,ij<a->ij": ("np.take_along_axis({0}, {1}, axis=1)",),
    "a,i->i": ("{0}[np.argsort({1}, kind='stable') % {a}]",),
    "i,i->i": ("{0}[np.argsort({1}, kind='stable')]", "{0}[np.argsort({1}, kind='stable')[::-1]]"),
    "ia,ia->i": ("{0}[np.arange({i}), np.argmax({1}, axis=1)]",),
    "aj,aj->j": ("{0}[np.argmin({1}, axis=0), np.arange({j})]",),
}
CHOSEN: Table = {
    "i,->i": ("np.clip({0}, -0.5, 0.8)", "np.maximum({0}, {1})", "np.minimum({1}, {0})", "np.clip({0}, {1}, 1.5)"),
    "ij,->ij": ("np.clip({0}, -0.5, 0.8)", "np.maximum({0}, {1})", "{0}.clip(-0.4, {1})"),
    "i,i->i": ("np.maximum({0}, {1})", "np.minimum({0}, {1})", "np.clip({0}, {1}, 0.9)"),
    "ij,ij->ij": ("np.maximum({0}, {1})", "np.minimum({0}, {1})", "np.clip({0}, -0.9, {1})"),
    "ij,j->ij": ("np.maximum({0}, {1})", "np.minimum({1}, {0})", "np.clip({0}, {1}, 0.7)"),
    "i?,i,i->i": ("np.where({0}, {1}, {2})",),
    "i?,i,->i": ("np.where({0}, {1}, {2})", "np.where({0}, {2}, {1})"),
    "ij?,ij,ij->ij": ("np.where({0}, {1}, {2})",),
    "ij?,j,->ij": ("np.where({0}, {1}, {2})",),
    "j?,ij,ij->ij": ("np.where({0}, {1}, {2})",),
    "ijk?,ijk,jk->ijk": ("np.where({0}, {1}, {2})",),
    "ijk,k->ijk": ("np.maximum({0}, {1})", "np.clip({0}, -1.0, {1})"),
}
PRODUCTS: Table = {
    "ij,j->i": ("np.einsum('ij,j->i', {0}, {1})", "{0} @ {1}", "np.dot({0}, {1})", "np.tensordot({0}, {1}, 1)"),
    "i,ij->j": ("np.einsum('i,ij->j', {0}, {1})", "np.matmul({0}, {1})", "np.inner({0}, {1}.T)"),
    "ij,ij->i": ("np.einsum('ij,ij->i', {0}, {1})",),
    "i,aij,j->a": ("np.einsum('i,aij,j->a', {0}, {1}, {2})",),
    "ij,jk->ik": ("np.einsum('ij,jk->ik', {0}, {1})", "np.matmul({0}, {1})", "np.dot({0}, {1})"),
    "ij,kj->ik": ("np.einsum('ij,kj->ik', {0}, {1})", "np.tensordot({0}, {1}, ((1,), (1,)))"),
    "i,j->ij": ("np.outer({0}, {1})", "np.einsum('i,j->ij', {0}, {1})"),
    "i,ij->ij": ("np.einsum('i,ij->ij', {0}, {1})",),
    "ii->i": ("np.einsum('ii->i', {0})", "np.diag({0})"),
    "i->ii": ("np.diag({0})",),
    "bij,bj->bi": ("np.einsum('bij,bj->bi', {0}, {1})",),
    "bij,j->bi": ("{0} @ {1}", "np.dot({0}, {1})"),
    "bij,jk->bik": ("{0} @ {1}", "np.einsum('bij,jk->bik', {0}, {1})"),
    "bij,bjk->bik": ("{0} @ {1}", "np.einsum('bij,bjk->bik', {0}, {1})"),
    "bij,bij->bi": ("np.einsum('bij,bij->bi', {0}, {1})",),
    "bij,bik->jk": ("np.einsum('bij,bik->jk', {0}, {1})", "np.tensordot({0}, {1}, ((0, 1), (0, 1)))"),
    "i,jk->ijk": ("np.einsum('i,jk->ijk', {0}, {1})", "np.tensordot({0}, {1}, 0)"),
}
SUMS: Table = {
    "ai->i": ("np.sum({0}, axis=0)", "np.max({0}, axis=0)", "np.min({0}, axis=-2)", "np.var({0}, axis=0)"),
    "ia->i": ("np.mean({0}, axis=1)", "np.max({0}, axis=-1)", "np.prod(np.tanh({0}), axis=1)", "{0}.min(axis=1)"),
    "ia,ia?->i": ("np.sum({0}, axis=1, where={1})",),
    "abi->i": ("np.sum({0}, axis=(0, 1))", "np.max({0}, axis=(0, 1))", "np.mean({0}, axis=(-3, 1))"),
    "aib->i": ("np.sum({0}, axis=(0, 2))", "np.min({0}, axis=(2, 0))", "{0}.sum(axis=(0, -1))"),
    "iaj->ij": ("np.sum({0}, axis=1)", "np.max({0}, axis=1)", "{0}.mean(axis=1)"),
    "ija->ij": ("np.sum({0}, axis=-1)", "np.var({0}, axis=2)"),
    "i->i": ("{0} / (1.0 + np.sum({0} ** 2))", "{0} - np.max({0}, keepdims=True)"),
    "ij->ij": ("{0} - np.max({0}, axis=0, keepdims=True)", "{0} - np.mean({0}, axis=1, keepdims=True)",
               "{0} / (1.0 + np.sum({0} ** 2, axis=-1, keepdims=True))", "{0} - np.sum({0}, axis=(0, 1), keepdims=True)"),
    "ijk->ijk": ("{0} - np.mean({0}, axis=(0, 2), keepdims=True)", "{0} - np.max({0}, axis=(1, 2), keepdims=True)"),
}  # fmt: skip
ORDERED: Table = {
    "i->i": ("np.cumsum({0})", "np.cumprod(np.tanh({0}))", "np.sort({0})", "np.flip({0})", "np.roll({0}, 1)", "{0}.cumsum()"),
    "ij->ij": ("np.cumsum({0}, axis=0)", "np.cumsum({0}, axis=-1)", "np.sort({0}, axis=0)", "np.sort({0})",
               "np.flip({0}, axis=1)", "np.flip({0})", "np.roll({0}, 1, axis=0)", "np.roll({0}, -1)", "np.tril({0})"),
    "ijk->ijk": ("np.cumsum({0}, axis=1)", "np.sort({0}, axis=1)", "np.flip({0}, axis=(0, 2))", "np.roll({0}, 1, axis=2)"),
    "q->p": ("np.diff({0})",),
    "qj->pj": ("np.diff({0}, axis=0)",),
}  # fmt: skip
JOINED: Table = {
    "x,y->z": ("np.concatenate(({0}, {1}))", "np.append({0}, {1})", "np.hstack(({0}, {1}))"),
    "p,->q": ("np.append({0}, {1})",),
    "xj,yj->zj": ("np.concatenate([{0}, {1}])", "np.vstack(({0}, {1}))"),
    "jx,jy->jz": ("np.concatenate(({0}, {1}), axis=1)", "np.hstack(({0}, {1}))"),
    "xjk,yjk->zjk": ("np.concatenate(({0}, {1}))",),
    "i,i->2i": ("np.stack(({0}, {1}))", "np.vstack(({0}, {1}))", "np.array([{0}, {1}])"),
    "i,i->i2": ("np.stack(({0}, {1}), axis=1)", "np.column_stack(({0}, {1}))", "np.stack([{0}, {1}], axis=-1)"),
    "ij,ij->2ij": ("np.stack(({0}, {1}))",),
    "ij,ij->i2j": ("np.stack(({0}, {1}), axis=1)",),
    "z->x": ("np.split({0}, [{x}])[0]",),
    "z->y": ("np.split({0}, [{x}])[1]",),
    "zj->xj": ("np.split({0}, [{x}])[0]",),
    "jz->jy": ("np.split({0}, [{x}], axis=1)[1]",),
    "D->d": ("np.split({0}, 2)[1]", "np.array_split({0}, 2)[0]"),
}
REPEATED: Table = {
    "d->D": ("np.repeat({0}, 2)", "np.tile({0}, 2)"),
    "dj->Dj": ("np.repeat({0}, 2, axis=0)", "np.tile({0}, (2, 1))"),
    "jd->jD": ("np.repeat({0}, 2, axis=1)", "np.tile({0}, 2)"),
    "j->ij": ("np.tile({0}, ({i}, 1))", "0.5 * np.broadcast_to({0}, ({i}, {j}))"),
    "i->ij": ("np.repeat({0}[:, None], {j}, axis=1)",),
    "p->q": ("np.pad({0}, (1, 0))", "np.pad({0}, (0, 1), constant_values=0.3)"),
    "pj->qj": ("np.pad({0}, ((0, 1), (0, 0)))",),
}
RESHAPED: Table = {
    "ij->w": ("np.reshape(0.9 * {0}, -1)", "(1.1 * {0}).ravel()", "{0}.flatten()", "np.ravel(0.5 * {0})"),
    "w->ij": ("(0.5 * {0}).reshape({i}, {j})", "np.reshape(0.7 * {0}, ({i}, -1))"),
    "wk->ijk": ("(0.8 * {0}).reshape(({i}, {j}, {k}))", "np.reshape(0.8 * {0}, (-1, {j}, {k}))"),
    "ijk->wk": ("(1.2 * {0}).reshape({w}, -1)",),
    "ij->ji": ("np.transpose({0})", "np.swapaxes({0}, 0, 1)", "{0}.T", "{0}.transpose(1, 0)"),
    "ijk->kij": ("np.transpose({0}, (2, 0, 1))", "np.moveaxis({0}, -1, 0)"),
    "ijk->jik": ("np.swapaxes({0}, 0, 1)", "{0}.transpose((1, 0, 2))"),
    "ijk->kji": ("{0}.T", "np.swapaxes({0}, 0, -1)"),
    "j->1j": ("{0}[None, :]", "np.expand_dims({0}, 0)", "np.atleast_2d({0})"),
    "1j->j": ("np.squeeze({0}, 0)", "{0}[0]"),
    "ija->ij": ("{0}[..., -1]", "np.squeeze({0}[:, :, :1], axis=2)"),
    "iaj->ij": ("{0}[:, 0]",),
}
SPREAD: Table = {
    "ijk,jk->ijk": ("{0} * {1}", "{0} - {1}"),
    "ijk,k->ijk": ("{0} * {1}", "{0} / (1.5 + np.sin({1}))"),
    "ij,jk->ijk": ("{0}[:, :, None] * {1}", "{0}[..., None] - {1}[None]"),
    "ik,jk->ijk": ("{0}[:, None] - {1}", "{0}[:, None, :] * {1}[None, :, :]"),
}
NUMBERS: Table = {
    "i,i?->": ("np.sum({0}[{1}])", "np.sum(np.sin({0}[{1}]))", "{0}[{1}].sum()", "np.sum({0}, where={1})", "np.sum({0} * {1})"),
    "ij,ij?->": ("np.sum({0}[{1}])", "np.sum({0}[{1}] ** 2)", "np.sum(np.where({1}, {0}, 0.0))"),
    "aj,a?->": ("np.sum({0}[{1}])", "np.sum({0}[{1}, 0])"),
    "i,i->": ("{0}[np.argmax({1})]", "{0}[np.argsort({1}, kind='stable')[0]]", "np.einsum('i,i->', {0}, {1})", "np.inner({0}, {1})"),
    "ij,ij->": ("np.vdot({0}, {1})", "np.einsum('ij,ij->', {0}, {1})", "np.tensordot({0}, {1})"),
    "i,ij,j->": ("np.einsum('i,ij,j->', {0}, {1}, {2})", "{0} @ {1} @ {2}"),
    "ii->": ("np.trace({0})", "np.einsum('ii->', {0})"),
    "ij->": ("np.max({0})", "{0}.ravel()[np.argmin({0})]", "np.sum({0}, axis=(0, 1))", "np.sum(np.mean({0}, axis=0) ** 2)"),
    "i->": ("np.max({0})", "{0}.min()", "np.prod(np.tanh({0}))", "np.sort({0})[-1]", "np.median({0})", "np.ptp({0})", "np.var({0})"),
    "ijk->": ("np.sum({0} * {0})", "np.max({0}, axis=(0, 2))[0]", "{0}.mean()"),
    "a,i<a->": ("np.sum({0}[{1}])", "np.sum({0}[{1}] ** 2)"),
    "ia,i<a->": ("np.sum({0}[np.arange({i}), {1}])", "-np.mean({0}[np.arange({i}), {1}])"),
}  # fmt: skip
# Family, table, weight, what it is wrapped into.
FAMILIES: tuple[tuple[Table, int, str], ...] = (
    (PICKED, 20, "{}"), (CHOSEN, 12, "{}"), (PRODUCTS, 12, "0.3 * ({})"), (SUMS, 12, "{}"), (ORDERED, 10, "0.8 * {}"), (JOINED, 12, "{}"),
    (REPEATED, 8, "{}"), (RESHAPED, 12, "{}"), (SPREAD, 5, "{}"),
)  # fmt: skip
PLACED: Table = {
    "a,i<a,i": ("{0}[{1}] = {2}", "{0}[{1}] += {2}", "{0}[{1}] -= {2}", "np.add.at({0}, {1}, {2})"),
    "a,i<a,": ("{0}[{1}] = {2}", "{0}[{1}] += {2}", "{0}[{1}] *= {2}", "np.add.at({0}, {1}, {2})"),
    "aj,i<a,ij": ("{0}[{1}] = {2}", "{0}[{1}] += {2}", "np.add.at({0}, {1}, {2})"),
    "aj,i<a,j": ("{0}[{1}] = {2}", "{0}[{1}, :] -= {2}"),
    "ja,i<a,ji": ("{0}[:, {1}] = {2}", "{0}[:, {1}] += {2}", "{0}[..., {1}] *= {2}"),
    "ia,i<a,i": ("{0}[np.arange({i}), {1}] = {2}", "{0}[np.arange({i}), {1}] += {2}", "{0}[np.arange(len({0})), {1}] -= {2}"),
    "ab,i<a,i<b,i": ("{0}[{1}, {2}] = {3}", "{0}[{1}, {2}] += {3}", "np.add.at({0}, ({1}, {2}), {3})"),
    "ab,i<a,j<b,ij": ("{0}[{1}[:, None], {2}] += {3}",),
    "abc,i<a,ibc": ("{0}[{1}] = {2}", "{0}[{1}] += {2}"),
    "abc,i<b,aic": ("{0}[:, {1}] = {2}",),
    "i,i": ("{0}[np.argsort({1}, kind='stable')] = {1}", "{0}[np.argmax({1})] += {1}[0]", "{0}[:] = np.sort({1})", "{0}[...] = np.cumsum({1})"),
}  # fmt: skip
MASKED: Table = {
    "i,i?,": ("{0}[{1}] = {2}", "{0}[{1}] += {2}", "{0}[{1}] *= {2}"),
    "ij,ij?,": ("{0}[{1}] = {2}", "{0}[{1}] += {2}", "{0}[{1}] -= {2}"),
    "ijk,ijk?,": ("{0}[{1}] = {2}", "{0}[{1}] *= {2}"),
    "i,i?,i": ("{0}[{1}] = {2}[{1}]", "{0}[{1}] += {2}[{1}]", "{0}[{1}] = np.sin({0}[{1}])", "{0}[:] = np.where({1}, {2}, {0})"),
    "ij,ij?,ij": ("{0}[{1}] = {2}[{1}]", "{0}[{1}] -= {2}[{1}]", "{0}[...] = np.where({1}, {2}, {0})"),
    "aj,a?,": ("{0}[{1}] = {2}", "{0}[{1}] += {2}"),
    "aj,a?,j": ("{0}[{1}] = {2}", "{0}[{1}] += {2}"),
    "ja,a?,": ("{0}[:, {1}] = {2}",),
}  # fmt: skip


@dataclass(frozen=True)
class Operand:
    """Its axes by letters; `bound` names the axis that it is an index into."""

    axes: str
    kind: str  # "a" array, "m" mask, "j" indices, "f" number
    bound: str = ""


def operands(signature: str) -> tuple[tuple[Operand, ...], str]:
    """The operands of a signature, and the axes of its result."""
    inputs, _, output = signature.partition("->")
    return tuple(map(_operand, inputs.split(","))), output


def _operand(text: str) -> Operand:
    if not text:
        return Operand("", "f")
    if text.endswith("?"):
        return Operand(text[:-1], "m")
    axes, _, bound = text.partition("<")
    return Operand(axes, "j" if bound else "a", bound)


def fit(axes: str, shape: Shape, sizes: Sizes) -> Sizes | None:
    """The sizes with those that a shape gives these letters; None if it has others."""
    if len(axes) != len(shape):
        return None
    found = dict(sizes)
    for letter, n in zip(axes, shape, strict=True):
        if n != (int(letter) if letter.isdigit() else found.setdefault(letter, n)):
            return None
    return found


DERIVED: dict[str, tuple[str, Callable[..., int]]] = {
    "D": ("d", lambda d: 2 * d), "q": ("p", lambda p: p + 1), "z": ("xy", lambda x, y: x + y), "w": ("ij", lambda i, j: i * j),
}  # fmt: skip


def completed(axes: str, sizes: Sizes, pick: Callable[[str], int]) -> Sizes | None:
    """Sizes for these letters too: what others derive, or of one's choice; None if there are none."""
    found = dict(sizes)
    for letter in axes:
        for whole, (parts, _) in DERIVED.items():
            if (letter == whole or letter in parts) and whole in found and not all(p in found for p in parts):
                options = [o for o in _parts(whole, found[whole]) if fit(parts, o, found)]
                if not options:
                    return None
                found |= dict(zip(parts, options[pick("") % len(options)], strict=True))
        if letter in DERIVED and letter not in found:
            parts, total = DERIVED[letter]
            for p in parts:
                found.setdefault(p, pick(p))
            found[letter] = total(*(found[p] for p in parts))
        elif not letter.isdigit():
            found.setdefault(letter, pick(letter))
    return found


def _parts(whole: str, n: int) -> Iterator[Shape]:
    """All ways to make a size of others."""
    parts, total = DERIVED[whole]
    for first in range(1, n + 1):
        for rest in [(k,) for k in range(1, n + 1)] if len(parts) == 2 else [()]:
            if total(first, *rest) == n:
                yield (first, *rest)


def consistent(sizes: Sizes) -> bool:
    """Do derived sizes agree with what they are derived from?"""
    for whole, (parts, total) in DERIVED.items():
        if whole in sizes and all(p in sizes for p in parts) and total(*(sizes[p] for p in parts)) != sizes[whole]:
            return False
    return all(0 < n <= LARGEST for n in sizes.values())


LARGEST = 8


def shape_of(axes: str, sizes: Sizes) -> Shape:
    return tuple(int(a) if a.isdigit() else sizes[a] for a in axes)
