"""The Markdown of a comparison has whole tables and complete lists, and a name in it is never markup."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from onnxinv.reports.comparisons.markdown import MarkdownComparisonReport
from onnxinv.reports.markdown_text import code, plain
from onnxinv.reports.printable import printable
from tests.reports.compared import between, comparison_of, pair, small

GOLDEN = Path(__file__).parent / "golden" / "comparison.md"
"""To refresh: .venv/bin/python -m tests.reports.test_comparison_markdown"""

HOSTILE = [
    "a|b", "a`b", "``", "`", "a\\|b", "a\\", "\\`|", "<script>x</script>", "<!--|", "[x](http://evil.example)|",
    "two\nlines", "**b**|", "~~x~~|", "&lt;|", "_b_|", "# x|", "http://evil.example|", "\u202eltr", "\x1b[31m",
    "x" * 5000,
]  # fmt: skip


def html(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables, as they read."""
    found = re.findall(r"<tr>(.*?)</tr>", html(text), re.S)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in found]
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_is_the_golden_text():
    assert MarkdownComparisonReport().render(small()) == GOLDEN.read_text(encoding="utf-8")


def test_every_pair_is_a_row_with_both_layers():
    found = {row[0]: row for row in rows(MarkdownComparisonReport().render(small()))}
    assert found["relu"] == [
        "relu", "Elu", "~sequence 0.88", "0.500", "0.250", "-0.250", "[-0.375, -0.125]", "better",
    ]  # fmt: skip
    assert found["x"][1:3] == ["x", "name 1.00"]


def test_lists_of_layers_alone_are_complete_and_folded_where_long():
    text = MarkdownComparisonReport().render(small())
    assert "Only in A (1): `norm`" in text
    listed = re.search(r"<details><summary>Only in B \(12\)</summary>\n\n(.*)\n\n</details>", text)
    assert listed
    assert listed[1] == ", ".join(f"`mul{place}`" for place in range(12))


def test_layers_that_do_not_correspond_are_shown_over_depth():
    text = MarkdownComparisonReport().render(comparison_of(between(only=(["conv"], ["dense"]), verdict="uncertain")))
    assert "The layers of A and B do not correspond (0 paired of 1 and 1)" in text
    depths = [row for row in rows(text) if row[0].endswith("%")]
    assert [row[0] for row in depths] == [f"{percent} %" for percent in range(0, 101, 10)]
    assert depths[7] == ["70 %", "0.700", "0.300"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(("escape", "longest"), [(code, 200), (plain, 400)], ids=["code", "plain"])
def test_a_name_reads_the_same_in_a_cell_and_in_a_sentence(escape, longest, name):
    cells = rows(f"| a | b |\n| --- | --- |\n| {escape(name)} | 2 |")[1]
    assert cells == [printable(name, longest), "2"]
    sentence = re.sub("</?code>", "", html(f"so {escape(name)} is"))
    assert unescape(sentence) == f"<p>so {printable(name, longest)} is</p>\n"


@pytest.mark.parametrize("name", ["www.evil.example", "https://evil.example", "a@evil.example", "@someone"])
def test_no_name_becomes_a_link_or_a_mention(name):
    assert code(name) == f"`{name}`"
    for source in (plain(name), code(f"{name}|")):
        assert not re.search(r"www\.|://|@", source)
        assert "@" not in unescape(source).replace("@\u200b", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_leave_every_table_whole(name):
    found = between([pair(name, f"{name}2", activations=1e-6), pair("conv")], only=([name], [name]))
    text = MarkdownComparisonReport().render(comparison_of(found, names=(name, f"{name}2"), warnings=[name]))
    shape = [len(row) for row in rows(text)]
    assert shape == [3, 3, 3, 8, 8, 8]
    tags = set(re.findall(r"</?([a-z0-9]+)", html(text)))
    assert tags <= {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong"}


if __name__ == "__main__":
    GOLDEN.write_text(MarkdownComparisonReport().render(small()), encoding="utf-8")
