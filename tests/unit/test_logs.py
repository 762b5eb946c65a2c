import logging
import re

from hypothesis import given
from hypothesis import strategies as st

from roomtape.errors import Scope
from roomtape.logs import MAX_FIELDS, fields_of, get_logger, pairs, printable, text_of


class Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_records_carry_their_fields_whatever_these_are_called() -> None:
    handler, logger = Recorder(), logging.getLogger("roomtape.test_fields")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    log = get_logger("roomtape.test_fields")
    awkward = {"message": 1, "level": 2, "name": "n", "args": (), "msg": 3}
    for say in (log.debug, log.info, log.warning, log.error, log.exception):
        say("something %s happened", **awkward)
    logger.removeHandler(handler)
    assert [record.levelname for record in handler.records] == ["DEBUG", "INFO", "WARNING", "ERROR", "ERROR"]
    assert all(fields_of(record) == awkward for record in handler.records)
    assert all(record.getMessage() == "something %s happened" for record in handler.records)


def test_a_foreign_record_has_no_fields() -> None:
    assert fields_of(logging.makeLogRecord({"msg": "m", "fields": "no dictionary"})) == {}


def test_values_as_text() -> None:
    assert [text_of(value) for value in (None, True, 3, 1 / 3, Scope.USER, ("a",))] == [
        "none",
        "true",
        "3",
        "0.333333",
        "user",
        "('a',)",
    ]


def test_values_are_quoted_only_where_needed() -> None:
    assert pairs({"a": "x", "b": "", "c": "two words", "d": 'say "a=b"', "e": "größe", "f": "a\nb", "g": "C:\\"}) == (
        'a=x b="" c="two words" d="say \\"a=b\\"" e=größe f="a\\nb" g="C:\\\\"'
    )


def test_too_many_fields_are_counted() -> None:
    text = pairs({f"k{n}": "v" for n in range(MAX_FIELDS + 7)})
    assert text.endswith(f"k{MAX_FIELDS - 1}=v fields_left_out=7")


@given(st.text(max_size=400), st.integers(1, 300))
def test_printable_text_is_one_bounded_harmless_line(text: str, limit: int) -> None:
    safe = printable(text, limit)
    assert safe.isprintable()
    assert len(safe) <= limit + 1
    assert safe.encode().splitlines() in ([], [safe.encode()])
    if text.isprintable() and "\\" not in text and len(text) <= limit:
        assert safe == text


def test_long_text_is_cut_visibly() -> None:
    assert printable("abcdef", 3) == "abc…"
    assert printable("\n" * 100, 5) == "\\n\\n…"


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=30), max_size=5))
def test_no_value_can_pose_as_another_field(fields: dict[str, str]) -> None:
    pair = r'\w*=(?:[^\s"=\\]+|"(?:[^"\\]|\\.)*")'
    text = pairs(fields)
    if fields:
        assert re.fullmatch(rf"{pair}(?: {pair})*", text)
        assert len(re.findall(pair, text)) == len(fields)
