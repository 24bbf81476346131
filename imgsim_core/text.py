"""Sentences for visitors: a template and its values, so that a page can translate them.

The core writes English templates; whoever shows one may look the template up in a
catalogue first and fill in the values afterwards. ``str(text)`` is plain English.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class UserText(str):
    """A value that came from a visitor (a file name): a page must never read it as markup."""

    __slots__ = ()


class HostText(str):
    """A value for whoever runs the host: a path, an address, what a storage says of itself.

    The command line shows it; a page never does, since an address may hold a password.
    """

    __slots__ = ()


class ClassName(str):
    """A value out of a fixed vocabulary, such as the classes a model knows: translated as it is."""

    __slots__ = ()


@dataclass(frozen=True, init=False)
class Text:
    """One translatable sentence.

    Parameters
    ----------
    template : str
        English, with ``str.format`` fields named after `values`. Always a literal
        in the source, so that a test can list every template.
    **values : object
        Numbers, strings, `UserText`, `HostText` or other `Text` (translated in turn).
    """

    template: str
    values: tuple[tuple[str, object], ...] = ()

    def __init__(self, template: str, /, **values: object) -> None:
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "values", tuple(values.items()))

    def __str__(self) -> str:
        return self.render()

    def render(
        self,
        translate: Callable[[str], str] = str,
        show_user_text: Callable[[str], str] = str,
        show_host_text: Callable[[str], str] = str,
    ) -> str:
        """Fill the template in.

        Parameters
        ----------
        translate : callable
            From an English template to the reader's language.
        show_user_text : callable
            How a `UserText` is shown, for instance as a code span.
        show_host_text : callable
            How a `HostText` is shown.

        Returns
        -------
        str
        """

        def shown(value: object) -> object:
            if isinstance(value, Text):
                return value.render(translate, show_user_text, show_host_text)
            if isinstance(value, ClassName):
                return translate(value)
            if isinstance(value, HostText):
                return show_host_text(value)
            return show_user_text(value) if isinstance(value, UserText) else value

        template = translate(self.template)
        if not self.values:
            return template.replace("{{", "{").replace("}}", "}")
        return template.format(**{name: shown(value) for name, value in self.values})
