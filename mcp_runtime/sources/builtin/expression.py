"""Arithmetic expressions: a parser of our own, so that nothing else can be written, with bounds on what it costs."""

import math
import operator
import re
from collections.abc import Callable

type Number = int | float

MAXIMUM_CHARACTERS = 500
MAXIMUM_DEPTH = 50
# 4,096 bits are 1,234 digits: enough for anybody, and every operation on them takes microseconds.
MAXIMUM_BITS = 4_096

TOKEN = re.compile(
    r"""\s*(?:
        [0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)? | \.[0-9]+(?:[eE][+-]?[0-9]+)?  # numbers
        | [a-zA-Z_][a-zA-Z_0-9]*  # names
        | \*\* | // | [-+*/%^(),]  # operators
    )""",
    re.VERBOSE,
)
CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}


def _round(value: Number, digits: Number = 0) -> Number:
    # Unbounded, rounding an integer to -10**9 digits would build a number of that many digits.
    return round(value, max(-MAXIMUM_BITS, min(MAXIMUM_BITS, int(digits))))


FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "acos": math.acos,
    "asin": math.asin,
    "atan": math.atan,
    "ceil": math.ceil,
    "cos": math.cos,
    "degrees": math.degrees,
    "exp": math.exp,
    "floor": math.floor,
    "gcd": math.gcd,
    "hypot": math.hypot,
    "ln": math.log,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "radians": math.radians,
    "round": _round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
SUMS: dict[str, Callable[[Number, Number], Number]] = {"+": operator.add, "-": operator.sub}
PRODUCTS: dict[str, Callable[[Number, Number], Number]] = {
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


class InvalidExpression(Exception):
    """The expression cannot be read or has no value; the message says why."""


def evaluate(text: str) -> Number:
    """The value of an expression; raises InvalidExpression. `^` and `**` are powers, which bind to the right."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise InvalidExpression(f"An expression has at most {MAXIMUM_CHARACTERS} characters.")
    try:
        return _Reader(_tokens(text)).whole()
    except ZeroDivisionError:
        raise InvalidExpression("Division by zero has no value.") from None
    except OverflowError:
        raise InvalidExpression("The value is too large.") from None
    except (TypeError, ValueError):
        raise InvalidExpression("A function is used with arguments for which it has no value.") from None


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    place, text = 0, text.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise InvalidExpression(f"{text[place:].lstrip()[0]!r} has no meaning in an expression.")
        tokens.append(match[0].lstrip())
        place = match.end()
    return tokens


class _Reader:
    """Recursive descent: sum → product → sign → power → atom."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def whole(self) -> Number:
        value = self._sum()
        if self._next():
            raise InvalidExpression(f"{self._next()!r} is not expected there.")
        return value

    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self._place += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise InvalidExpression(f"A {token!r} is missing.")

    def _sum(self) -> Number:
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise InvalidExpression(f"An expression is nested at most {MAXIMUM_DEPTH} levels deep.")
        value = self._product()
        while self._next() in SUMS:
            value = _bounded(SUMS[self._take()](value, self._product()))
        self._depth -= 1
        return value

    def _product(self) -> Number:
        value = self._signed()
        while self._next() in PRODUCTS:
            value = _bounded(PRODUCTS[self._take()](value, self._signed()))
        return value

    def _signed(self) -> Number:
        negative = False
        while self._next() in SUMS:
            negative ^= self._take() == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Number:
        bases = [self._atom()]
        signs = [1]
        while self._next() in {"**", "^"}:
            self._take()
            sign = 1
            while self._next() in SUMS:
                sign *= -1 if self._take() == "-" else 1
            signs.append(sign)
            bases.append(self._atom())
        value = bases.pop()
        while bases:
            value = _power(bases.pop(), signs.pop() * value)
        return value

    def _atom(self) -> Number:
        token = self._take()
        if token == "(":  # noqa: S105  # a token of an expression
            value = self._sum()
            self._expect(")")
            return value
        if token[:1].isalpha() or token.startswith("_"):
            return self._named(token)
        if not token or not (token[0].isdigit() or token[0] == "."):
            raise InvalidExpression(f"A number is missing before {token!r}." if token else "A number is missing.")
        return _bounded(int(token) if token.isdecimal() else float(token))

    def _named(self, name: str) -> Number:
        if self._next() != "(" and name in CONSTANTS:
            return CONSTANTS[name]
        if name not in FUNCTIONS:
            raise InvalidExpression(f"{name!r} is neither a constant nor a function. There are: {_NAMES}.")
        self._expect("(")
        arguments = [self._sum()]
        while self._next() == ",":
            self._take()
            arguments.append(self._sum())
        self._expect(")")
        return _bounded(FUNCTIONS[name](*arguments))


_NAMES = ", ".join(sorted(FUNCTIONS) + sorted(CONSTANTS))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and _bits(base, exponent) > 2 * MAXIMUM_BITS:
        raise InvalidExpression("The value is too large.")
    value = base**exponent
    if isinstance(value, complex):
        raise InvalidExpression("A root of a negative number is not a real number.")
    return _bounded(value)


def _bits(base: int, exponent: int) -> int:
    return exponent * base.bit_length() if abs(base) > 1 else 1


def _bounded(value: Number) -> Number:
    if isinstance(value, int):
        if value.bit_length() > MAXIMUM_BITS:
            raise InvalidExpression("The value is too large.")
    elif not math.isfinite(value):
        raise InvalidExpression("The value is too large.")
    return value
