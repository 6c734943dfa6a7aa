"""NAME=VALUE options."""

from __future__ import annotations

import pytest

from cep.cli.settings import columns_of, params_of
from cep.model.errors import UsageError


def test_params_keep_their_text():
    assert params_of(["a=5.00", "b = 30 min", 'c="x=y"']) == {"a": "5.00", "b": "30 min", "c": '"x=y"'}


@pytest.mark.parametrize("setting", ["a", "=5", "a=", "A=5", "a b=5"])
def test_a_param_that_is_none_is_refused_with_an_example(setting):
    with pytest.raises(UsageError, match="hint: --set test_amount"):
        params_of([setting])


def test_a_param_given_twice_is_refused():
    with pytest.raises(UsageError, match="twice"):
        params_of(["a=1", "a=2"])


def test_columns_are_by_stream_and_field():
    assert columns_of(["Pay.amount=Amount (EUR)", "Pay.place.lat=LAT=x", "Wire.at=t"]) == {
        "Pay": {"amount": "Amount (EUR)", "place.lat": "LAT=x"},
        "Wire": {"at": "t"},
    }


@pytest.mark.parametrize("setting", ["Pay=x", "Pay.a", ".a=x", "Pay.=x", "Pay.a="])
def test_a_column_that_is_none_is_refused_with_an_example(setting):
    with pytest.raises(UsageError, match="hint: --map"):
        columns_of([setting])
