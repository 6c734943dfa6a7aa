"""--from and --map are checked against the rules, and every mistake names its cure."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cep.cli.inputs import Input, inputs_of, streams_read
from cep.model.errors import UsageError
from cep.model.schema import Attribute, Schema
from cep.model.types import STRING, TIME


def stream(name: str) -> Schema:
    return Schema(name, (Attribute("at", TIME, "at"), Attribute("card", STRING, "card")), time="at")


BOOK = SimpleNamespace(
    streams={name: stream(name) for name in ("Pay", "Wire", "Unread")},
    variants={"Movement": ("Pay", "Wire")},
    derived={"Alert": Schema("Alert", (), derived=True)},
    rules=(
        SimpleNamespace(name="A", inputs=("Wire", "Alert")),
        SimpleNamespace(name="B", inputs=("Late.Pay",)),
    ),
)


def test_the_streams_read_are_the_declared_ones_in_declared_order():
    assert streams_read(BOOK) == ("Pay", "Wire")


def test_every_stream_has_its_file():
    inputs = inputs_of(["Pay=p.csv", "Wire=a=b.csv"], None, BOOK, {})
    assert inputs.files == (Input("p.csv", ("Pay",), None), Input("a=b.csv", ("Wire",), None))


def test_a_type_column_gives_all_streams_of_one_file():
    assert inputs_of(["all.csv"], "kind", BOOK, {}).files == (Input("all.csv", ("Pay", "Wire"), "kind"),)


def test_a_file_of_a_stream_that_nobody_reads_is_not_read_and_told():
    inputs = inputs_of(["Pay=p.csv", "Wire=w.csv", "Unread=u.csv"], None, BOOK, {})
    assert len(inputs.files) == 2
    assert inputs.warnings == ("no rule reads Unread, so u.csv is not read",)


@pytest.mark.parametrize(
    ("options", "type_column", "mapping", "message"),
    [
        (["Pay=p.csv"], None, {}, r"Wire is read by a rule and given no file\n  hint: --from Wire=PATH"),
        ([], None, {}, r"Pay, Wire are read .*\n  hint: --from Pay=PATH --from Wire=PATH"),
        (["Pai=p.csv"], None, {}, r"no stream is called Pai\n  hint: did you mean Pay\?"),
        (["pay=p.csv"], None, {}, r"no stream is called pay\n  hint: did you mean Pay\?"),
        (["Quantum=p.csv"], None, {}, r"no stream is called Quantum\n  hint: there are Pay, Wire, Unread"),
        (["Movement=p.csv"], None, {}, "Movement stands for Pay and Wire; name one of them"),
        (["Alert=p.csv"], None, {}, "Alert is what a rule emits"),
        (["Pay="], None, {}, "there is no path after the ="),
        (["p.csv"], None, {}, r"does not say which stream it is\n  hint: --from Pay=p\.csv"),
        (["Pay=-", "Wire=-"], None, {}, "standard input can be read once"),
        (["Pay=p.csv", "Wire=w.csv"], "kind", {}, "every --from names its stream"),
        (
            ["Pay=p.csv", "Wire=w.csv"],
            None,
            {"Pay": {"crad": "x"}},
            r"Pay has no field crad\n  hint: did you mean card\?",
        ),
        (["Pay=p.csv", "Wire=w.csv"], None, {"Pays": {"at": "x"}}, r"--map Pays\.at: no stream is called Pays"),
    ],
)
def test_a_wrong_command_line_is_told_with_its_cure(options, type_column, mapping, message):
    with pytest.raises(UsageError, match=message):
        inputs_of(options, type_column, BOOK, mapping)
