"""Malformed words, JSON values and files that no command may crash on, for `fuzz_inputs.py`."""

DIGITS, DEEP = "7" * 5000, 100_000
HUGE = (str(2**31), str(2**63), str(10**20), str(-(10**20)), DIGITS, f"-{DIGITS}", "1e308", "1e999", "-1e999")
NESTED = ("[" * DEEP, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP)

WORDS = (  # of options and arguments
    *HUGE,
    *NESTED,
    *("", " ", "\t", "0", "-1", "1.5", "nan", "inf", "-inf", f"0.{DIGITS}", "true", "null", "[]", "{}", '"', "'"),
    *(
        "=",
        "x=",
        f"x={DIGITS}",
        f"x={NESTED[0]}",
        "residual=\ud800",
        f"steps={DIGITS}",
        "steps=1e999",
        f"steps={10**20}",
    ),
    *("\ud800", "a\udcffb", "\x1b[31mred", "a\nb", "é" * 200, "x" * 300, "word " * 1000, "x" * 100_000, "a/" * 3000),
    *("..", "../..", "/", ".", "~", "~nobody-here/x", "\\", "%s", "*", "?", "-", "--", "nul\x00byte", "../victim.txt"),
    *("−1", "١٢٣", "١,٢", "1,10,", f"1,{DIGITS}", f"1,{10**20}"),
)
VALUES = (  # inside JSON and TOML
    *HUGE,
    *NESTED,
    *(
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "NaN",
        "Infinity",
        "[]",
        "{}",
        "[null]",
        "[[1]]",
        '[{"a": null}]',
        '{"": null}',
    ),
    *('""', '" "', '"1"', '"{}"', '"{} {}"', f'"{DIGITS}"', '"a\\nb"', f'"{"x" * 300}"', f'"{"é" * 300}"'),
    *('"\\ud800"', '"\\u0000"', '"\\u001b[31m"', f'"{"x" * 100_000}"', f'{{"{"k" * 300}": 1}}', '{"a": 1, "a": 2}'),
    *('"../../victim"', '"../victim.txt"', '"/"', '".."', '"~nobody-here"'),
)
TEXTS = (  # whole files
    *(text.encode() for text in (*HUGE, *NESTED)),
    *(
        b"",
        b" ",
        b"\n\n",
        b"\r\n" * 10,
        b"\x00",
        b"\x00" * 100,
        b"\xff\xfe",
        b"\xc3\x28",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf{}",
    ),
    *(b"null", b"[]", b"{}", b"[null]", b"[[]]", b"[1]", b"[{}]", b'"x"', b"1", b"NaN", b'{"a":', b'{"a": 1, "a": 2}'),
    *(b'{"a": "\\ud800"}', b'["\\ud800"]', b"x" * 100_000, b"\x7f" + b"\xff" * 6 + b"\x7f"),
    *(b"a = ", b'a = "\\ud800"', *(f"a = {text}".encode() for text in (*HUGE, *NESTED, "{a = " * DEEP))),
    *(
        b"source,dest\n" + b"x" * 200_000,
        b"source\n\x00\n",
        b'source\n"\n',
        b"source,source\na,b\n",
        b"source,\na,b,c,d\n",
    ),
    *((8).to_bytes(8, "little") + b"[" * 8, (300_000).to_bytes(8, "little") + b"[" * 300_000),
)
