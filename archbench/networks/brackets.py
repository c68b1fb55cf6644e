"""The brackets behind a MODEL that hold its settings: name[key=value,...]."""

import re
from collections.abc import Mapping

#: ways of running that a MODEL may set, with their short names -> the full name
WAY_KEYS: Mapping[str, str] = {
    "input_size": "input_size",
    "input": "input_size",
    "batch_size": "batch_size",
    "batch": "batch_size",
    "precision": "precision",
    "channels_last": "channels_last",
    "compile": "compile",
    "threads": "threads",
    "module": "module",
}
ARGUMENT = "arg."  # before the name of a builder's argument that a way of running has, too

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_BEGUN = re.compile(rf"\[\s*(?:(?:arg\.)?[^\W\d]\w*\s*=|(?:{'|'.join(WAY_KEYS)})\s*(?:,|$))")


def split_settings(model: str) -> tuple[str, str]:
    """Return a MODEL without its settings, and the brackets that hold them; "" without settings.

    Brackets hold settings if an item in them has a key and an equals sign, or is a way of running.
    Other brackets are part of a pattern.

    >>> split_settings("net.py:build[width=3]"), split_settings("resnet20[channels_last]")
    (('net.py:build', '[width=3]'), ('resnet20', '[channels_last]'))
    >>> split_settings("resnet[0-9]*"), split_settings("resnet[0-9]")
    (('resnet[0-9]*', ''), ('resnet[0-9]', ''))
    """
    openings = [i for i, sign in enumerate(model) if sign == "["] if model.endswith("]") else []
    for i in openings:
        if any(map(_is_setting, items_of(model[i + 1 : -1]) or ())):
            return model[:i], model[i:]
    return model, ""


def items_of(text: str) -> list[str] | None:
    """Split a text at its commas, those in brackets and quotes left out.

    None where a bracket or a quote is not closed.

    >>> items_of("kernel=(3, 5),name='a,b'"), items_of("kernel=(3, 5")
    (['kernel=(3, 5)', "name='a,b'"], None)
    """
    items = [""]
    closing: list[str] = []
    value_begins = True  # an apostrophe inside a value is no quote
    at = 0
    while at < len(text):
        sign = text[at]
        quoted = _QUOTED.match(text, at) if value_begins and sign in "'\"" else None
        if value_begins and sign in "'\"" and quoted is None:
            return None
        if sign in _CLOSING:
            closing.append(_CLOSING[sign])
        elif sign in ")]}" and (not closing or closing.pop() != sign):
            return None
        part = quoted[0] if quoted else sign
        if sign == "," and not closing:
            items.append("")
        else:
            items[-1] += part
        value_begins = sign in "=,:([{" or (value_begins and sign.isspace())
        at += len(part)
    return None if closing else items


def has_broken_settings(model: str) -> bool:
    """Tell whether settings begin in a MODEL, and are no brackets at its end that are closed.

    >>> [has_broken_settings(m) for m in ("net.py:build[width=3", "resnet20[a=(1, 2]", "a[b=c]")]
    [True, True, False]
    """
    return not split_settings(model)[1] and _BEGUN.search(model) is not None


def _is_setting(item: str) -> bool:
    key, equals, _ = item.partition("=")
    if key.strip() in WAY_KEYS:
        return True
    return bool(equals) and key.strip().removeprefix(ARGUMENT).isidentifier()
