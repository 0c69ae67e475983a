"""`calculate`: the value of an arithmetic expression."""

from typing import Any

from mcp_runtime.sources.builtin.expression import MAXIMUM_CHARACTERS, InvalidExpression, Number, evaluate
from mcp_runtime.sources.builtin.function import Function, object_schema
from mcp_runtime.sources.contract import ToolResult, text_result

EXACT = 2**53  # the integers that a double holds exactly, and that every JSON reader reads back
SIGNIFICANT_DIGITS = 15  # what a double holds for certain: 0.1 + 0.2 is 0.3


def _calculate(arguments: dict[str, Any]) -> ToolResult:
    try:
        value = _tidy(evaluate(arguments["expression"]))
    except InvalidExpression as error:
        return text_result(str(error), is_error=True)
    result: Number | str = value if abs(value) <= EXACT or isinstance(value, float) else str(value)
    return ToolResult([{"type": "text", "text": str(value)}], structured={"result": result}, has_structured=True)


def _tidy(value: Number) -> Number:
    if isinstance(value, int):
        return value
    value = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return int(value) if value.is_integer() and abs(value) <= EXACT else value


CALCULATE = Function(
    name="calculate",
    title="Calculator",
    description=(
        "Evaluates an arithmetic expression: + - * / // % ^ and parentheses, pi, e, and functions such as sqrt, round, "
        "min, max, log, sin. Integers are exact."
    ),
    input_schema=object_schema(
        {
            "expression": {
                "type": "string",
                "description": "For example: (1 + 2) * 3 ^ 4 / sqrt(2)",
                "minLength": 1,
                "maxLength": MAXIMUM_CHARACTERS,
            }
        },
        "expression",
    ),
    output_schema=object_schema(
        {
            "result": {
                "type": ["number", "string"],
                "description": "The value; as text when it is an integer too large for a JSON number.",
            }
        },
        "result",
    ),
    answer=_calculate,
)
