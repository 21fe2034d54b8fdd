"""Named things that one file adds: `@register`, `names`, `get`; folders and entry points are found by themselves."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from pydantic import BaseModel

from onnxinv.errors import UsageError
from onnxinv.spec import Spec, build, did_you_mean, parse

T = TypeVar("T", bound=BaseModel)
Registered = TypeVar("Registered", bound=BaseModel)


class Registry(Generic[T]):
    """The registered classes of one kind, each a pydantic model whose fields are its parameters.

    Args:
        kind: what an entry is called in messages, for example `transform`.
        package: the package whose modules are imported before the first look-up; also the entry point group.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, type[T]] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[type[Registered]], type[Registered]]:
        """Return a class decorator that registers its class under `name` (kebab-case).

        Raises:
            ValueError: the name is taken by another class.
        """

        def decorate(entry: type[Registered]) -> type[Registered]:
            if self._entries.setdefault(name, entry) is not entry:  # type: ignore[arg-type]  # T and Registered are the same by convention
                raise ValueError(f"two {self.kind}s are called '{name}'")
            return entry

        return decorate

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._load()
        return sorted(self._entries)

    def get(self, name: str) -> type[T]:
        """Return the class registered under a name.

        Raises:
            UsageError: no entry has that name; the hint offers the closest ones.
        """
        self._load()
        try:
            return self._entries[name]
        except KeyError:
            raise UsageError(f"There is no {self.kind} called '{name}'.", did_you_mean(name, self._entries)) from None

    def name_of(self, entry: type[BaseModel]) -> str:
        """Return the name under which a class is registered."""
        return next(name for name, known in self._entries.items() if known is entry)

    def build(self, spec: Spec | str) -> T:
        """Make an entry from a specification such as `rotation:steps=16,degrees=360`.

        Raises:
            UsageError: the name or a parameter is unknown, or a value is refused.
        """
        parsed = parse(spec) if isinstance(spec, str) else spec
        return build(self.get(parsed.name), parsed)

    def describe(self, name: str) -> str:
        """Return the docstring of an entry followed by its parameters with defaults and meanings."""
        entry = self.get(name)
        lines = [inspect.cleandoc(entry.__doc__ or ""), ""]
        for key, field in entry.model_fields.items():
            default = "required" if field.is_required() else f"default {field.default}"
            lines.append(f"  {key}  {field.description or ''} ({default})")
        return "\n".join(lines).rstrip()

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
            importlib.import_module(module.name)
        for point in entry_points(group=self.package):
            try:
                entry = point.load()
                if not (isinstance(entry, type) and issubclass(entry, BaseModel)):
                    raise TypeError("it is not a pydantic model")
                self.register(point.name)(entry)
            except (Exception, SystemExit) as error:  # a plug-in may raise anything while it is imported, and exit
                raise UsageError(
                    f"The plug-in {point.value} cannot be loaded as {self.kind} '{point.name}': {error}.",
                    f"Mend or uninstall the package {point.dist.name if point.dist else 'that brings it'}.",
                ) from error
