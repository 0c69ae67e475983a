"""`convert_units`: a quantity in another unit of the same kind."""

from typing import Any

from mcp_runtime.sources.builtin.function import Function, object_schema, structured_result
from mcp_runtime.sources.contract import ToolResult, text_result

# Factors to each kind's base unit: exact by definition (SI brochure, 9th edition; NIST SP 811 appendix B).
FACTORS: dict[str, dict[str, float]] = {
    "length": {
        "mm": 0.001,
        "cm": 0.01,
        "m": 1,
        "km": 1000,
        "in": 0.0254,
        "ft": 0.3048,
        "yd": 0.9144,
        "mi": 1609.344,
        "nmi": 1852,
    },
    "mass": {"mg": 1e-6, "g": 0.001, "kg": 1, "t": 1000, "oz": 0.028349523125, "lb": 0.45359237},
    "area": {"cm2": 1e-4, "m2": 1, "ha": 10_000, "km2": 1e6, "ft2": 0.09290304, "acre": 4046.8564224},
    "volume": {"ml": 1e-6, "l": 1e-3, "m3": 1, "floz_us": 2.95735295625e-5, "gal_us": 0.003785411784},
    "speed": {"m/s": 1, "km/h": 1 / 3.6, "mph": 0.44704, "kn": 1852 / 3600},
    "duration": {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400, "wk": 604_800},
    "data": {"bit": 0.125, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1024, "MiB": 1024**2}
    | {"GiB": 1024**3, "TiB": 1024**4},
    "pressure": {"Pa": 1, "kPa": 1000, "bar": 1e5, "atm": 101_325, "psi": 6894.757293168},
    "energy": {"J": 1, "kJ": 1000, "cal": 4.184, "kcal": 4184, "Wh": 3600, "kWh": 3.6e6},
}
# Degrees to kelvin: (value + offset) * factor.
TEMPERATURES: dict[str, tuple[float, float]] = {"K": (0, 1), "C": (273.15, 1), "F": (459.67, 5 / 9)}

KINDS: dict[str, str] = {unit: kind for kind, units in FACTORS.items() for unit in units} | dict.fromkeys(
    TEMPERATURES, "temperature"
)
SIGNIFICANT_DIGITS = 12  # beyond them a double's own error would show


def _convert(arguments: dict[str, Any]) -> ToolResult:
    source, target = arguments["from"], arguments["to"]
    if KINDS[source] != KINDS[target]:
        sentence = f"{source} is a unit of {KINDS[source]} and {target} one of {KINDS[target]}."
        return text_result(sentence, is_error=True)
    value = float(f"{convert(float(arguments['value']), source, target):.{SIGNIFICANT_DIGITS}g}")
    return structured_result({"value": value, "unit": target})


def convert(value: float, source: str, target: str) -> float:
    """`value` of the unit `source` in the unit `target`, which is of the same kind."""
    if source in TEMPERATURES:
        (offset, factor), (target_offset, target_factor) = TEMPERATURES[source], TEMPERATURES[target]
        return (value + offset) * factor / target_factor - target_offset
    factors = FACTORS[KINDS[source]]
    return value * factors[source] / factors[target]


_UNIT = {"type": "string", "enum": list(KINDS)}

CONVERT_UNITS = Function(
    name="convert_units",
    title="Unit converter",
    description="Converts between units of " + ", ".join([*FACTORS, "temperature"]) + ".",
    input_schema=object_schema(
        {
            "value": {"type": "number", "minimum": -1e100, "maximum": 1e100},
            "from": _UNIT | {"description": "The unit that the value is in."},
            "to": _UNIT | {"description": "The unit that is wanted."},
        },
        "value",
        "from",
        "to",
    ),
    output_schema=object_schema({"value": {"type": "number"}, "unit": {"type": "string"}}, "value", "unit"),
    answer=_convert,
)
