"""--style with times."""

from fractions import Fraction

import pytest

from style_transfer.cli.timeline import parse_styles
from style_transfer.errors import UserError


def test_a_mix_alone_holds_all_the_time():
    styles = parse_styles("a:0.6,b")
    assert (styles.mixes, styles.times) == ([{"a": 0.6, "b": 1.0}], [0])
    assert not styles.changes
    assert styles.suffix == "a-b"


def test_mixes_with_times():
    styles = parse_styles("great_wave@0; the_scream:0.5,udnie:0.5@12.5;great_wave@1:02")
    assert styles.mixes[1] == {"the_scream": 0.5, "udnie": 0.5}
    assert styles.times == [0, Fraction(25, 2), 62]
    assert styles.changes
    assert styles.suffix == "great_wave-the_scream-udnie"
    assert parse_styles("a;b@3").times == [0, 3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a@0;b", "'b' in --style has no time"),
        ("a@1;b@2", "before 1 s; begin with STYLE@0"),
        ("a@0;b@5;c@5", "must rise"),
        ("a@0;b@soon", "'soon' is no time"),
        ("a@0;", "has no time"),
        ("a@0;@3", "no style name"),
        ("a@0;b@-1", "is no time"),
    ],
)
def test_what_is_none(text, says):
    with pytest.raises(UserError, match=says) as caught:
        parse_styles(text)
    assert "\n" not in str(caught.value)
