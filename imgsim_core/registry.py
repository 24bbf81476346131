"""The methods there are: gathered from the files of `imgsim_core.methods`, never registered."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from imgsim_core import methods
from imgsim_core.errors import UnknownMethod
from imgsim_core.method import Family, Method
from imgsim_core.text import Text, UserText


@cache
def all_methods() -> tuple[Method, ...]:
    """List every method, family by family in the order of `Family`.

    Raises
    ------
    ValueError
        If two methods share an id: a programming error, found at the first call.
    """
    found: list[Method] = []
    for module in pkgutil.iter_modules(methods.__path__, f"{methods.__name__}."):
        if not module.name.rpartition(".")[2].startswith("_"):
            found += import_module(module.name).METHODS
    ids = [method.id for method in found]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two methods share an id: {sorted(ids)}")
    order = list(Family)
    return tuple(sorted(found, key=lambda method: order.index(method.family)))


def methods_of(family: Family) -> tuple[Method, ...]:
    """List the methods of one family, the headline method first."""
    mine = [method for method in all_methods() if method.family is family]
    return tuple(sorted(mine, key=lambda method: not method.headline))


def spokesman(family: Family) -> Method:
    """Find the method that speaks for a family on the first screen.

    Returns
    -------
    Method
        The headline method, or the first whose model is there when the headline's is not.
    """
    mine = methods_of(family)
    return next((method for method in mine if method.availability() is None), mine[0])


def article_methods() -> tuple[Method, ...]:
    """List the methods that the article used; `Method.article` holds their options."""
    return tuple(method for method in all_methods() if method.article is not None)


def method_by_id(method_id: str) -> Method:
    """Find a method.

    Raises
    ------
    UnknownMethod
        If no method has this id; the sentence lists those there are.
    """
    for method in all_methods():
        if method.id == method_id:
            return method
    raise UnknownMethod(
        Text(
            "There is no method called {method}. There are: {known}.",
            method=UserText(method_id),
            known=", ".join(method.id for method in all_methods()),
        )
    )
