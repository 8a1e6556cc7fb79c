"""Hostile bytes for every place where JSON has a value.

Each way in which JSON, UTF-8, numbers, nesting, names and sizes go wrong, or look wrong and are right.

What becomes of each is not said here: `hostile_judge` says it of a whole record, by the words of the documentation.
"""

from __future__ import annotations

from collections.abc import Iterator

MIB = 2**20
DEEPEST = 1_000  # levels that the parser of a document allows, its own frame included


def hostile_values() -> list[bytes]:
    """All of them, each once, in a fixed order."""
    kinds = [_literals(), _numbers(), _strings(), _escapes(), _encodings(), _structures(), _names(), _nesting()]
    kinds += [_texts(_TIMES), _texts(_DATES), _injections()]
    return list(dict.fromkeys(value for kind in kinds for value in kind))


def large_values() -> list[bytes]:
    """A few that are too large to be put in every place."""
    return [
        b'"' + b"x" * (8 * MIB - 200) + b'"',
        b'"' + b"x" * (8 * MIB) + b'"',
        b'"' + "ö".encode() * MIB + b'"',
        b"[" + b"1," * 100_000 + b"1]",
        b"[" + b"{}," * 50_000 + b"{}]",
        b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(20_000)) + b"}",
        b'{"' + b"k" * 40_000 + b'":1}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b" " * MIB + b"1",
        b"1" * MIB,
    ]


def _literals() -> Iterator[bytes]:
    yield b""
    yield from b'null true false "null" "true" 0 1 {} []'.split()
    yield from b"nul nulll NULL Null True TRUE tru truefalse False none nil undefined None NA".split()
    yield from b"NaN -NaN nan Infinity -Infinity +Infinity inf".split()


def _numbers() -> Iterator[bytes]:
    for number in (2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**37, 10**38, 10**39):
        yield from (b"%d" % number, b"%d" % -number, b"%d.0" % number, b"%d.5" % number)
    yield from b"-9223372036854775808 -9223372036854775809 4294967296 2147483648 9007199254740993.0".split()
    yield from b"-0 -0.0 0.0 1.0 1.00000000000000000000 7. .7 -.7 +1 --1 - + 01 -01 00 1.2.3 1..2".split()
    yield from b"1e 1e+ 1e- e1 1e1.5 1e2 1E2 1e+2 1e-2 100e-2 1e308 1e309 -1e309 1e400 1e-400 5e-324 2e-324".split()
    yield from b"1.7976931348623157e308 1.7976931348623159e308 4.9e-324 1e99999 1e-99999".split()
    yield from b"0.1 0.30000000000000004 123456789.123456789 0x10 0b1 0o7 1_000 1,5 1f 1L 1d 10% $1 1/2 1-1".split()
    yield from "\uff11 \u0663 \u00bd \u221e \u22121".encode().split()
    yield from (b"1 000", "1\u00a0".encode(), b"1." + b"0" * 60, b"0." + b"1" * 50, b"9" * 400)
    yield from (b"1" * digits for digits in (38, 39, 300, 999, 1_000, 1_001))
    yield from b'"1" "1.5" "NaN" "1e400" "0x10" "" [1] {"value":1}'.split()
    yield from (b'" 1"', b'" "')


def _strings() -> Iterator[bytes]:
    yield from b"""'a' a "a a" " ""a"" "a"+"b" `a`""".split()
    yield from (b'"a" "b"', "\u201ca\u201d".encode(), b'"a\x7fb"', b'"' + b"x" * 70_000 + b'"')
    for control in range(0x20):
        yield b'"a' + bytes([control]) + b'b"'
    strange = ["\u0080\u009f", "\u2028\u2029", "\ufeff", "\ufffe\uffff", "\U0010ffff\U0001f600", "\u202egnp.exe"]
    strange += ["e\u0301", "\u200b", "\u0130I\u0131i", "\u00df", "a\u0300" * 500]
    yield from (f'"{text}"'.encode() for text in strange)


def _escapes() -> Iterator[bytes]:
    for letter in b'"\\/bfnrt' + b"'0axvUNe \n":
        yield b'"\\' + bytes([letter]) + b'"'
    yield from rb'"\" "\u" "\u1" "\u12" "\u123" "\u123g" "\u+123" "\U0041" "\\ud800" "a\ud800b"'.split()
    yield from rb'"\u0000" "\u0041" "\u00e9" "\uffff" "\ufeff" "\u202e" "\u001b[2J"'.split()
    yield from rb'"\ud83d\ude00" "\ud83d" "\ude00" "\ude00\ud83d" "\ud83d\ud83d" "\ud83dx" "\ud83d\n"'.split()
    yield from rb'"\uD83D\uDE00" "\udbff\udfff"'.split()
    yield rb'"\u 123"'


def _encodings() -> Iterator[bytes]:
    broken = "80 bf c080 c1bf c3 c328 e282 e228a1 e08080 eda080 edbfbf eda0bdedb880 f09f98 f0808080 f4908080"
    for wrong in f"{broken} f5808080 f888808080 fe ff fffe 00ff".split():
        yield b'"a' + bytes.fromhex(wrong) + b'b"'
    yield from (
        b"\xff",
        b"\xc3",
        b"\x00",
        b"\x001",
        b"1\x00",
        b'"\x00"',
        b"\x1b[31m1",
        b"\x1f\x8b\x08\x00",
        b"PK\x03\x04",
    )
    for text in ('{"id":"a"}', '"a"', "1"):
        yield b"\xef\xbb\xbf" + text.encode()
        yield from (text.encode(name) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32-le"))
    foreign = [("\u00e9", "latin-1"), ("\u20ac", "cp1252"), ("\u65e5\u672c", "shift-jis")]
    yield from (f'"{text}"'.encode(name) for text, name in foreign)
    yield b"\x00\x00\x00\x00\x07\x02a"  # what a schema registry puts before a value


def _structures() -> Iterator[bytes]:
    yield from b"[ ] { } []] [[] {}} {{}} [} {] [1 [1, [1,] [,1] [,] [1;2] (1) <a/>".split()
    yield from b"1; 1, ,1 :1 //1 1// /**/1 1# [1]//x".split()
    yield from b'[null] [[[]]] [{"a":[{}]}] {"a":{"b":{"c":null}}} [1,"a",null,true,{},[]] [1.5,""]'.split()
    yield from (b"[1 2]", b"a: 1", b"1 2", b" 1", b"1 ", b"\t\n\r1\r\n\t", b"\x0b1", b"\x0c1")
    yield from ("\u00a01".encode(), "\u20281".encode())


def _names() -> Iterator[bytes]:
    yield from rb'{"a":1,"a":1} {"a":1,"a":2} {"a":1,"\u0061":2} {"b":{"a":1,"a":1}} [{"a":1,"a":2}]'.split()
    yield from b'{"a":1,"A":2} {"a"=1} {"a":1;"b":2}'.split()
    yield from rb"""{"":1} {"":1,"":2} {"a.b":1} {"a[0]":1} {"$":1} {"*":1} {"`":1} {"'":1} {"\"":1} {"\\":1}""".split()
    yield from rb'{"__proto__":1} {"_offset":1} {"_created_at":1} {"\u0000":1} {"\n":1} {"\u001b[31m":1}'.split()
    yield from b"""{a:1} {'a':1} {1:1} {null:1} {"a"} {"a":} {"a":1,} {,"a":1} {:1} {"a"::1} {"a":1,,"b":2}""".split()
    yield from (
        b'{" ":1}',
        b'{"a;drop table clean":1}',
        b'{"a" 1}',
        b'{"a":1 "b":2}',
        b'{"\xff":1}',
        rb'{"\ud800":1}',
        b'{"k":1}' * 2,
    )
    yield from ('{"\u00e4":1}'.encode(), '{"e\u0301":1,"\u00e9":2}'.encode(), b'{"' + b"k" * 5_000 + b'":1}')


def _nesting() -> Iterator[bytes]:
    for depth in (2, 50, 500, DEEPEST - 8):
        yield b'{"a":' * depth + b"1" + b"}" * depth
    for depth in (2, 50, 500, *range(DEEPEST - 8, DEEPEST + 3), 5_000):
        yield b"[" * depth + b"]" * depth
    yield from (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), b"[" * 5_000)


_TIMES = r"""
2013-01-01T10:15:00Z|2013-01-01 10:15|2013-01-01T10:15:00|2013-01-01T10:15:00.1Z|2012-02-29T00:00:00Z|2013-01-01T10
2013-01-01T10:15:00.123456789Z|2013-01-01T10:15:00.1234567890Z|2013-01-01T10:15:00.Z|2013-01-01T24:00:00Z
2013-01-01T23:59:60Z|2013-01-01T25:00:00Z|2013-01-01T10:60:00Z|2013-02-29T00:00:00Z|2013-13-01T00:00:00Z
2013-00-01T00:00:00Z|2013-01-00T00:00:00Z|2013-01-32T00:00:00Z|0000-01-01T00:00:00Z|0001-01-01T00:00:00Z
0001-01-01T00:00:00+01:00|9999-12-31T23:59:59.999999Z|9999-12-31T23:59:59-01:00|10000-01-01T00:00:00Z
-2013-01-01T00:00:00Z|+2013-01-01T00:00:00Z|294247-01-10T04:00:54Z|2013-01-01T10:15:00z|2013-01-01t10:15:00Z
2013-01-01T10:15:00+00|2013-01-01T10:15:00+0000|2013-01-01T10:15:00+05:30|2013-01-01T10:15:00-18:00
2013-01-01T10:15:00+18:01|2013-01-01T10:15:00+99:99|2013-01-01T10:15:00-00:00|2013-01-01T10:15:00+05:60
2013-01-01T10:15:00 Z|2013-01-01T10:15:00Z | 2013-01-01T10:15:00Z|2013-01-01T10:15:00Z\n|\n2013-01-01T10:15:00Z
2013-01-01T10:15:00Z\u0000|2013-01-01T10:15:00Z\u2028|2013-01-01T10:15:00Z\r\n|2013-01-01T10:15:00Z\u0085
2013-01-01T10:15:00UTC|2013-01-01T10:15:00[UTC]|2013-01-01T10:15:00 Europe/Paris|20130101T101500Z
2013-W01-2T10:15:00Z|2013-001T10:15:00Z|2013-1-1T1:1:1Z|01/02/2013|T10:15|10:15:00|now|today|epoch|yesterday
1357035300|2013-01-01T11:15:00Z|2013-01-01T11:15:00.000001Z|\uff12013-01-01T10:15:00Z|2013\u201001\u201001T10:15:00Z
2013-01-01T10:15:00\u00a0|1883-11-18T12:00:00Z|1582-10-10T00:00:00Z|2013-01-01T10:15:00+05:3|2013-01-01T1:15:00Z
"""
_DATES = r"""
2013-01-01|2013-02-29|2012-02-29|0000-01-01|0001-01-01|9999-12-31|10000-01-01|-0001-01-01|2013-1-1|2013-01|2013|20130101
2013/01/01|01-01-2013|2013-01-01\n| 2013-01-01|2013-01-01 |2013-01-01\u2029|2013-00-10|2013-10-00|2013-04-31|1582-10-10
2013-01-01T00:00:00Z|2013-001|\uff12013-01-01
"""


def _texts(lines: str) -> Iterator[bytes]:
    for text in lines.strip().replace("\n", "|").split("|"):
        yield f'"{text}"'.encode()
    yield from b"1357035300 1357035300000 1357035300.5 20130101 9223372036854775807 [2013,1,1]".split()


def _injections() -> Iterator[bytes]:
    """Values that close the document and go on, or that mean something to whoever reads them next."""
    yield from b'"a","id":"b" 1,"n":2 1} 1}{ 1},{"id":"b" 1}] 1] 1],1] "a"},17] 1/*'.split()
    yield from b'"%s%n%x" "{{7*7}}" "$(reboot)"'.split()
    yield from b'"${jndi:ldap://localhost/a}" "../../etc/passwd" "<script>alert(1)</script>" "[bold]x[/bold]"'.split()
    yield from rb'"\u0007\u001b]0;title\u0007" {"$ref":"#"} {"@type":"java.lang.Object"} ["!!python/object"]'.split()
    yield from (b'1}\n{"id":"b"}', b'"a"},17] x', b'"\'; drop table clean; --"', b"\"=cmd|' /C calc'!A0\"")
