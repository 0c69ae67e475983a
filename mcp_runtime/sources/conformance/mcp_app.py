"""An MCP App: the HTML in which a client shows what `test_mcp_app` answers."""

from mcp_runtime.sources.contract import ResourceDraft

HTML = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Clock</title>
<p id="now">The time appears here.</p>
<script>
const say = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
addEventListener("message", ({ source, data }) => {
  if (source !== parent) return;
  if (data.id === 1) say({ method: "ui/notifications/initialized", params: {} });
  const told = data.method === "ui/notifications/tool-result" && data.params.structuredContent;
  if (told) document.getElementById("now").textContent = told.now;
});
const appInfo = { name: "clock", version: "1" };
say({ id: 1, method: "ui/initialize", params: { protocolVersion: "2026-01-26", appInfo, appCapabilities: {} } });
</script>
</html>
"""

CLOCK = ResourceDraft(
    uri="ui://conformance/clock",
    name="clock",
    description="Shows the time that the tool test_mcp_app tells.",
    meta={"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}},
    config={"text": HTML},
)
