"""Tables of files: every format is read, beside the rule file, and what is wrong with one is told with its place."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cep

ROWS = [{"card": "c1", "tier": "gold", "most": 10}, {"card": "c2", "tier": None, "most": 20}]
RULES = """
stream Pay ordered by at { at: time(s), card: string }
table Customer keyed by card from "FILE" { card: string, tier: string?, most: int }
rule R from Pay emit X { card, tier = Customer[card].tier, most = Customer[card].most }
"""


def load(folder, name, content=None):
    if content is not None:
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / "rules.cep"
    path.write_text(RULES.replace("FILE", name), encoding="utf-8")
    return cep.load(path)


def found(rules):
    pays = [{"at": n, "card": card} for n, card in enumerate(["c1", "c2", "c3"])]
    engine = cep.Engine(rules)
    return [(row["tier"], row["most"]) for batch in engine.send_batch("Pay", pays) for row in batch.to_dicts()]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "below/t.csv"])
def test_a_file_of_any_format_is_read_beside_its_rules(tmp_path, name, monkeypatch):
    monkeypatch.chdir("/")
    (tmp_path / "below").mkdir()
    if name.endswith(".csv"):
        content = "card,tier,most\nc1,gold,10\nc2,,20\n"
    elif name.endswith(".jsonl"):
        content = "".join(json.dumps(row) + "\n" for row in ROWS)
    else:
        content = None
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    assert found(load(tmp_path, name, content)) == [("gold", 10), (None, 20), (None, None)]


WRONG = [
    ("card,tier,most\nc1,gold,ten\n", "the 1st row, column most", None),
    ("card,tier,most\nc1,gold,1\n,gold,2\n", "the 2nd row, column card", "never null"),
    (
        "card,tier,most\nc1,gold,1\nc2,,2\nc1,,3\n",
        "the key card c1 is in two rows, the 1st and the 3rd",
        "one row for each",
    ),
    ("card,tier\nc1,gold\n", "most", None),
]


@pytest.mark.parametrize(("content", "message", "hint"), WRONG)
def test_what_is_wrong_with_a_file_is_told_at_its_declaration(tmp_path, content, message, hint):
    with pytest.raises(cep.RuleError) as caught:
        load(tmp_path, "t.csv", content)
    [mistake] = caught.value.diagnostics
    assert mistake.code == "table-file"
    assert "t.csv" in mistake.message
    assert message in mistake.message
    assert hint is None or hint in (mistake.hint or "")
    span = mistake.span
    assert mistake.source.text[span.start : span.end] == "Customer"


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path):
    (tmp_path / "customers.csv").write_text("card,tier,most\n", encoding="utf-8")
    with pytest.raises(cep.RuleError, match=r"there is no such file(.|\n)*did you mean .*customers\.csv"):
        load(tmp_path, "custmers.csv")


def test_a_param_may_change_and_books_may_be_joined(tmp_path):
    rules = load(tmp_path, "t.csv", "card,tier,most\nc1,gold,10\n")
    other = tmp_path / "other.cep"
    text = (
        RULES.replace("FILE", "t.csv").replace("rule R", "param p: int = 1 rule S").replace("emit X {", "emit Y { p,")
    )
    other.write_text(text, encoding="utf-8")
    engine = cep.Engine([rules, cep.load(other)])
    engine.set("p", 2)
    said = [row for batch in engine.send("Pay", {"at": 1, "card": "c1"}) for row in batch.to_dicts()]
    assert said == [
        {"card": "c1", "tier": "gold", "most": 10},
        {"p": 2, "card": "c1", "tier": "gold", "most": 10},
    ]


def test_one_table_of_two_files_is_refused(tmp_path):
    books = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        books.append(load(tmp_path / name, "t.csv", "card,tier,most\nc1,gold,10\n"))
    with pytest.raises(cep.UsageError, match="from different files"):
        cep.Engine(books)
