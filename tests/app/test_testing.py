"""The `test` blocks of rules: what each step means, and every mistake in one."""

from __future__ import annotations

import pytest

import cep
from cep.app.testing import run_tests

RULES = """\
param limit: int = 100
param pause: duration = 5 min
stream Pay ordered by at late 10 s {
  at: time, card: string, amount: int, rate: decimal?, took: duration?, seen: time?, is_new: bool?
}
stream Ping ordered by at { at: time(s), card: string }
stream Either = Pay | Ping
rule Big from Pay where amount > limit emit Alert { card, amount, rate, took, seen, is_new }
rule Silent keyed by card when Pay as paid then no Pay for pause emit Quiet { card }
"""


def outcomes(*blocks: str):
    return run_tests(cep.loads(RULES + "".join(f'test "t" {{\n{block}\n}}\n' for block in blocks)))


def outcome(block: str):
    [found] = outcomes(block)
    return found


def mistakes(block: str):
    with pytest.raises(cep.RuleError) as caught:
        outcomes(block)
    return [(d.code, d.message) for d in caught.value.diagnostics]


PAYS = """\
send Pay { card = "c1", amount = 500 } at 0 s
send Pay { card = "c2", amount = 600 } at 1 min
"""


@pytest.mark.parametrize(
    "expects",
    [
        "expect Alert",
        'expect Alert { card = "c1" } at 0 s',
        'expect Alert { card = "c2", amount = 600 } at 1 min expect Quiet',
        'expect Alert { card = "c1" } expect Alert { card = "c2" } expect no Alert',
        "expect 2 Alert expect no Alert",
        'expect 1 Alert { card = "c2" }',
        "expect Alert { rate = null, seen = null }",
        "expect no Late.Pay expect no Rejected.Pay",
    ],
)
def test_what_came_out_is_expected(expects):
    assert outcome(f"{PAYS} advance to 6 min {expects}").status == "passed"


@pytest.mark.parametrize(
    ("expects", "message"),
    [
        ('expect Alert { card = "c3" }', "no Alert as written came out"),
        ("expect Alert at 2 s", "no Alert as written came out"),
        ("expect 3 Alert", "2 Alert came out, not 3"),
        ('expect 1 Alert { card = "c3" }', "no Alert as written came out, not 1"),
        ("expect no Alert", "2 Alert came out, not none"),
        ("expect Alert expect no Alert", "1 Alert came out, not none"),
        ("expect 2 Alert expect Alert", "no Alert came out"),
        ('expect Alert { card = "c2" } expect Alert { card = "c1" }', "no Alert as written came out"),
    ],
)
def test_what_did_not_come_out_as_expected_fails(expects, message):
    found = outcome(f"{PAYS} {expects}")
    assert found.status == "failed"
    assert [failure.place.message for failure in found.failures] == [message]


def test_results_out_of_order_are_hinted_at():
    found = outcome(f'{PAYS} expect Alert {{ card = "c2" }} expect Alert {{ card = "c1" }}')
    assert "came earlier" in found.failures[0].place.hint


def test_a_failure_shows_the_results_field_by_field():
    found = outcome(f'{PAYS} expect Alert {{ card = "c1", amount = 501 }} at 0 s')
    assert found.failures[0].table[:4] == (
        ("Alert", "expected", "came", "came"),
        ("card", '"c1"', '"c1"', '≠ "c2"'),
        ("amount", "501", "≠ 500", "≠ 600"),
        ("_time", "0 s", "0 s", "≠ 1 min"),
    )


def test_of_many_results_the_nearest_are_shown_in_their_order():
    sends = "".join(f'send Pay {{ card = "c{i}", amount = {500 + i} }} at {i} s\n' for i in range(1, 9))
    table = outcome(f'{sends} expect Alert {{ card = "c7", amount = 9 }}').failures[0].table
    assert table[0] == ("Alert", "expected", "came", "came", "came (and 5 more)")
    assert table[1] == ("card", '"c7"', '≠ "c1"', '≠ "c2"', '"c7"')


def test_a_value_of_every_type_goes_in_and_comes_out():
    values = 'rate = 1.50, took = 1 h + 30 min, seen = "2024-05-01T10:00:00.000000001Z", is_new = true'
    assert (
        outcome(f'send Pay {{ card = "a", amount = 101, {values} }} at 1 s expect Alert {{ {values} }}').failures == ()
    )


def test_a_time_field_takes_an_offset_and_orders_the_stream():
    block = 'send Pay { card = "a", amount = 101, at = 3 min, seen = 2 min } at 1 min'
    found = outcome(f'{block} expect Alert {{ seen = "2000-01-01T00:02:00Z" }} at 3 min')
    assert found.failures == ()


def test_expectations_see_what_is_decided_after_them():
    found = outcome(f'{PAYS} expect Quiet {{ card = "c1" }} at 5 min advance to 5 min 1 s expect no Quiet')
    assert found.status == "passed"


def test_the_end_of_a_test_leaves_time_where_it_is():
    assert outcome(f"{PAYS} expect no Quiet").status == "passed"
    assert outcome(f"{PAYS} close expect no Quiet").status == "passed"


def test_late_and_rejected_events_can_be_expected_and_are_noted_on_failure():
    aside = 'send Pay { card = "c1", amount = 900 } at 49 s send Pay { card = null, amount = 900 } at 2 min'
    assert outcome(f"{PAYS} {aside} expect Late.Pay {{ amount = 900 }} expect Rejected.Pay {{ row = 3 }}").notes == ()
    found = outcome(f"{PAYS} {aside} expect 4 Alert")
    assert found.notes == ("1 of the events of Pay came too late", "1 of the events of Pay were rejected")


def test_each_test_begins_anew():
    assert [o.status for o in outcomes(f"{PAYS} expect 2 Alert", f"{PAYS} expect 2 Alert")] == ["passed", "passed"]


def test_a_param_set_before_the_first_event_holds_for_that_test_alone():
    found = outcomes(f"set limit = 500 {PAYS} expect 1 Alert", f"{PAYS} expect 2 Alert")
    assert [o.status for o in found] == ["passed", "passed"]


def test_a_param_set_between_events_holds_for_what_is_sent_afterwards():
    found = outcome(f"""
    {PAYS} set limit = 1000 send Pay {{ card = "c3", amount = 700 }} at 2 min
    set limit = 600 + 50 send Pay {{ card = "c4", amount = 700 }} at 3 min
    expect Alert {{ card = "c1" }} expect Alert {{ card = "c2" }} expect Alert {{ card = "c4" }} expect no Alert
    """)
    assert found.status == "passed", [f.render() for f in found.failures]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ('send Pai { card = "c" } at 0 s', "unknown-stream"),
        ('send Either { card = "c" } at 0 s', "unknown-stream"),
        ('send Alert { card = "c" } at 0 s', "unknown-stream"),
        ('send Ping { crad = "c" } at 0 s', "unknown-field"),
        ('send Ping { card = "c", card = "d" } at 0 s', "duplicate-name"),
        ("send Ping {} at 0 s", "missing-field"),
        ("send Ping { card = 1 } at 0 s", "wrong-type"),
        ("send Ping { card = other } at 0 s", "wrong-type"),
        ("send Ping { card } at 0 s", "not-constant"),
        ('send Ping { card = "c" } at 15000 w', "test-time"),
        ('send Pay { card = "c", amount = 1, seen = "1677-12-01" } at 0 s', "wrong-type"),
        ('send Pay { card = "c", amount = 1, seen = 15000 w } at 0 s', "wrong-type"),
        ("expect Pay", "unknown-stream"),
        ("expect Alarm", "unknown-stream"),
        ("expect Alert { crad = 1 }", "unknown-field"),
        ("expect Alert { card = null }", "wrong-type"),
        ("set limti = 1", "unknown-name"),
        ('set limit = "much"', "param-value"),
        ('send Ping { card = "c" } at 0 s set pause = 1 min', "param-fixed"),
        ("close advance to 1 h", "test-closed"),
    ],
)
def test_a_mistake_in_a_test_has_its_code_and_place(block, code):
    assert [found for found, _ in mistakes(block)] == [code]


def test_the_mistakes_of_all_tests_come_at_once():
    with pytest.raises(cep.RuleError) as caught:
        outcomes("expect Alarm", "expect Alarum expect Alert { crad = 1 }")
    assert [d.span.line for d in caught.value.diagnostics] == [11, 14, 14]


PLACES = """\
record Place { lat: float, lon: float, city: string? }
stream Seen ordered by at { at: time, place: Place?, home: Place }
rule All from Seen emit Out { at, lat = place.lat, away = place is not null, city = home.city }
rule Bare from Seen where place is null emit Bare { at }
"""


@pytest.mark.parametrize(
    "block",
    [
        "send Seen { home.lat = 1, home.lon = 2, place.lat = 3.5, place.lon = 4 } at 0 s expect Out { lat = 3.5 }",
        'send Seen { home.lat = 1, home.lon = 2, home.city = "Rome" } at 0 s expect Out { city = "Rome" }',
        "send Seen { home.lat = 1, home.lon = 2, place = null } at 0 s expect Bare",
        "send Seen { home.lat = null, home.lon = 2 } at 0 s expect Rejected.Seen expect no Out",
    ],
)
def test_fields_of_records_have_dotted_names(block):
    [found] = run_tests(cep.loads(f'{PLACES} test "t" {{ {block} }}'))
    assert found.status == "passed", [f.render() for f in found.failures]


@pytest.mark.parametrize(
    ("block", "code", "message"),
    [
        ("send Seen { home.lat = 1 } at 0 s", "missing-field", "Seen.home.lon is missing"),
        (
            "send Seen { home.lat = 1, home.lon = 1, place.lat = 1 } at 0 s",
            "missing-field",
            "Seen.place.lon is missing",
        ),
        ("send Seen { home.lat = 1, home.lon = 1, home.zip = 1 } at 0 s", "unknown-field", "no field `home.zip`"),
        ("send Seen { home = 1 } at 0 s", "wrong-type", "home is a record"),
    ],
)
def test_a_mistake_in_a_record_is_told(block, code, message):
    with pytest.raises(cep.RuleError) as caught:
        run_tests(cep.loads(f'{PLACES} test "t" {{ {block} }}'))
    [found] = caught.value.diagnostics
    assert found.code == code
    assert message in found.message


LISTS = """
stream Click ordered by at { at: time, who: string, items: list<string?>, sums: list<decimal(2)>?, on: list<time>? }
rule R keyed by who when 2 Click as c within 1 h
emit Basket { who, items = flatten(c.items), sums = last(c.sums), on = flatten(c.on), all = list(c.items) }
"""


def test_lists_are_sent_and_expected_as_they_are_written():
    steps = """
      send Click { who = "a", items = ["x", null], sums = [1, 2.50], on = ["2000-01-01T00:00:05Z", 1 min] } at 0 s
      send Click { who = "a", items = [], sums = [], on = null } at 1 min
      expect Basket { items = ["x", null], sums = [], on = [5 s, 1 min], all = [["x", null], []] } at 1 min
      expect no Basket
    """
    (outcome,) = run_tests(cep.loads(f'{LISTS}test "t" {{ {steps} }}'))
    assert outcome.status == "passed", [f.render() for f in outcome.failures]


def test_a_list_that_differs_is_shown_as_it_is_written():
    steps = """
      send Click { who = "a", items = ["x"], on = [2 s] } at 0 s
      send Click { who = "a", items = ["y"], sums = [0.5] } at 1 s
      expect Basket { items = ["x", "z"], sums = [0.50], on = [2 s] }
    """
    (outcome,) = run_tests(cep.loads(f'{LISTS}test "t" {{ {steps} }}'))
    rows = {row[0]: row[1:] for row in outcome.failures[0].table}
    assert rows["items"] == ('["x", "z"]', '≠ ["x", "y"]')
    assert rows["sums"] == ("[0.50]", "[0.50]")
    assert rows["on"] == ("[2 s]", "[2 s]")


def test_a_list_of_another_kind_and_a_missing_one_are_told():
    steps = 'send Click { who = "a", items = [1] } at 0 s send Click { who = "a" } at 1 s expect Basket { items = 3 }'
    with pytest.raises(cep.RuleError) as caught:
        run_tests(cep.loads(f'{LISTS}test "t" {{ {steps} }}'))
    found = [(d.code, d.message) for d in caught.value.diagnostics]
    assert found == [
        ("wrong-type", "this is an int, not a string?"),
        ("missing-field", "Click.items is missing"),
        ("wrong-type", "this is an int, not a list<string?>"),
    ]
