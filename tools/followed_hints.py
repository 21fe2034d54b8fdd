"""What the hint of a refusal says to try: its options, as the arguments of `onnxinv.api`."""

from __future__ import annotations

import re

_OPTION = re.compile(r"--(set-input|shape|layout) (\S+)")
_HARMLESS = {"VALUE": "1", "LENGTH": "4"}
"""What is put where the user is to choose."""


def follow(hint: str, before: dict[str, object]) -> dict[str, object]:
    """Return the options with those that a hint names besides; they are unchanged where it names none.

    Of several options for one input, and of several layouts, the first is taken. An option that is there already for
    the same input is replaced.

    Args:
        hint: text such as `Set it with --set-input sr=VALUE.`
        before: keyword arguments of `api.analyze`; they are not changed.
    """
    after, settled = dict(before), set()
    for option, text in _OPTION.findall(hint):
        value = text.rstrip(",.;)")
        for word, number in _HARMLESS.items():
            value = re.sub(rf"\b{word}\b", number, value)
        name, mark, _ = value.rpartition("=" if option == "set-input" else ":")
        if name in settled:
            continue
        settled.add(name)
        key = option.replace("-", "_")
        if option == "layout":
            after[key] = value
        else:
            others = [each for each in before.get(key, ()) if not each.startswith(name + mark)]
            also = [each for each in after.get(key, ()) if each not in before.get(key, ())]
            after[key] = (*others, *also, value)
    return after
