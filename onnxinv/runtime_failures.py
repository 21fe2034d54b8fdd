"""What the runtime says where it fails, in words that name the cause and the next step."""

from __future__ import annotations

import re

from onnxinv.errors import MemoryExhaustedError, ModelError

_LONGEST_REASON = 300

_NO_MEMORY = re.compile(r"bad[ _]alloc|failed to allocate memory|out of memory|CUDA failure 2\b", re.IGNORECASE)
"""What the runtime and its devices say where memory is short."""

_NOISE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Exception during initialization: |Non-zero status code returned while |"
    r"Status Message: |Name:'' |Please fix either the inputs/outputs or the model\.|(?<=: )Error: "
)
_CLEARER = {
    r"Opset (\d+) is under development.*till opset (\d+)": (
        r"its opset \1 is too new, this onnxruntime knows opsets up to \2"
    ),
    r"Fatal error: ([\w.]+):(\w+)\(-?\d+\) is not a registered": r"the runtime lacks the operator \2 of the domain \1",
    r"Fatal error: (\w+)\(-?\d+\) is not a registered": r"the runtime lacks the operator \1",
    r"No Op registered for (\w+) with domain_version of (\d+)": r"the runtime lacks the operator \1 in opset \2",
    r"Could not find an implementation for (\w+)\((\d+)\) node with name '(.+?)'": (
        r"the runtime has no implementation of \1 (version \2) for the types of the node '\3'"
    ),
    r"Could not find an implementation for (\w+)\((\d+)\)": (
        r"the runtime has no implementation of \1 (version \2) for its types"
    ),
    r"Type Error: Type \((.+?)\) of output arg \((.+?)\) of node .* does not match expected type \((.+)\)": (
        r"it says that '\2' is \1, and what makes it gives \3"
    ),
    r"Node \((.+?)\) Op \((\w+)\) \[\w+InferenceError\] (.+?)[.;: ]*$": r"the \2 '\1' contradicts its inputs: \3",
    r"Node \(\) Op \((\w+)\) \[\w+InferenceError\] (.+?)[.;: ]*$": r"a \1 contradicts its inputs: \2",
}
"""What the runtime's messages say, by the pattern of the message."""

_SOURCE = re.compile(r"\S*\b\w+\.(?:cc|h|hpp|cpp|cu|cuh):\d+ ")


def failure(what: str, error: Exception) -> ModelError:
    """Return the error for a run that failed, of its own kind where memory was short."""
    kind = MemoryExhaustedError if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) else ModelError
    return kind(f"onnxruntime {what}: {reason_of(error)}.", hint_for(error))


def reason_of(error: Exception) -> str:
    """Return what the runtime says, in one line, without its error codes, source positions and C++ signatures."""
    text = " ".join(str(error).split())
    for pattern, sentence in _CLEARER.items():
        found = re.search(pattern, text)
        if found:
            return found.expand(sentence)[:_LONGEST_REASON]
    while found := _SOURCE.search(text):
        text = text[: found.start()] + _without_signature(text[found.end() :])
    text = _NOISE.sub("", text).strip().rstrip(".:; ") or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON].rstrip() + "..."


def _without_signature(text: str) -> str:
    """Remove the C++ function that stands after a source position: `void f(const T&, int) [with T = x] `."""
    opening = text.find("(")
    if opening < 1 or not re.fullmatch(r"[\w:<>~*&, ]*\w>?", text[:opening]):
        return text.partition(" ")[2]  # just the function's name
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if not depth:
            return re.sub(r"^ (const )?(\[with .*?\] )?", "", text[position + 1 :])
    return ""


_HINTS = {
    r"is not a registered function/op|No Op registered": (
        "The operator needs another library or a newer onnxruntime: export the model with standard operators."
    ),
    r"Could not find an implementation for \w+\([1-6]\)": (
        "The model is for an opset before 7: convert it with onnx.version_converter, or export it for opset 13."
    ),
    r"Could not find an implementation": (
        "Export the model in float32, for opset 13 or later; a GPU may have more implementations."
    ),
    r"InferenceError\]|Type Error: Type": "The model contradicts itself; export it again.",
    r"is under development|Unsupported model IR version": (
        "Upgrade onnxruntime, or export the model for an older opset."
    ),
    r"(?i)allocat|bad_alloc|out of memory": "Lower --batch.",
}
"""What helps, by the pattern of the runtime's message; the first that is found."""


def hint_for(error: Exception) -> str:
    """Return the next step to try; empty where none is known."""
    text = str(error)
    return next((hint for pattern, hint in _HINTS.items() if re.search(pattern, text)), "")
