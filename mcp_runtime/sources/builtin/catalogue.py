"""Every built-in function, a line each; the console and the API show this list."""

from mcp_runtime.sources.builtin.calculator import CALCULATE
from mcp_runtime.sources.builtin.clock import TIME
from mcp_runtime.sources.builtin.echo import ECHO
from mcp_runtime.sources.builtin.function import Function
from mcp_runtime.sources.builtin.identifiers import GENERATE_UUID
from mcp_runtime.sources.builtin.text import TEXT_STATISTICS
from mcp_runtime.sources.builtin.units import CONVERT_UNITS

CATALOGUE: dict[str, Function] = {
    function.name: function for function in (ECHO, TIME, CALCULATE, CONVERT_UNITS, GENERATE_UUID, TEXT_STATISTICS)
}
