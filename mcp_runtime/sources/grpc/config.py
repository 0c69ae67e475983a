"""What a gRPC service is configured with.

    {"url": "grpcs://api.example.com:443", "services": ["shop.v1.Orders"], "metadata": {"x-language": "en"},
     "timeout": 10, "size_limit": 262144}

`grpcs` is TLS, `grpc` is none. Without `services` every service is taken but those of gRPC itself. Secret metadata is
no part of this: it is the draft's `secrets`, {key: value}. Methods come from the service's own reflection, or from an
uploaded FileDescriptorSet (`protoc --include_imports --descriptor_set_out`).
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import InvalidConfig

MAXIMUM_BYTES = 1024 * 1024
SERVICES = 200
HTTPS_PORT = 443
URL = re.compile(r"(?P<scheme>grpcs?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?/?")
# What may be a key of metadata in ASCII (the HTTP/2 mapping of gRPC, "Custom-Metadata"), and what is gRPC's own.
KEY = re.compile(r"[a-z0-9_.-]{1,128}")
RESERVED = frozenset({"host", "te", "content-type", "user-agent", "content-length", "connection"})
BINARY = "-bin"
VALUE = re.compile(r"[\x20-\x7e]{0,8192}")

type Words = Annotated[str, msgspec.Meta(max_length=4_096)]
type ServiceName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,255}$")]


class GrpcConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration: `timeout` in seconds, `size_limit` in bytes of an answer as JSON.

    `certificates` are the authorities to trust instead of gRPC's own list, as PEM.
    """

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    services: Annotated[list[ServiceName], msgspec.Meta(max_length=SERVICES)] = []
    metadata: Annotated[dict[str, Words], msgspec.Meta(max_length=64)] = {}
    certificates: Annotated[str, msgspec.Meta(max_length=65_536)] = ""
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 10.0
    size_limit: Annotated[int, msgspec.Meta(ge=1_024, le=MAXIMUM_BYTES)] = 256 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is: `authority` is what it is called there, which its certificate is for."""

    is_encrypted: bool
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The host and the port, as `:authority` has them."""
        return f"{self.host}:{self.port}"


def read_config(config: dict[str, Any]) -> GrpcConfig:
    """The typed configuration; raises InvalidConfig that names the wrong field."""
    return converted(config, GrpcConfig)


def target_of(url: str) -> Target:
    """The URL taken apart. Raises InvalidConfig."""
    parts = URL.fullmatch(url)
    if parts is None:
        raise InvalidConfig({"config.url": "Write grpcs://host:port, or grpc://host:port for one without TLS."})
    return Target(parts["scheme"] == "grpcs", parts["host"], int(parts["port"] or HTTPS_PORT))


def wrong_metadata(field: str, metadata: dict[str, str]) -> dict[str, str]:
    """What is wrong with each key and value, by its place below `field`."""
    wrong: dict[str, str] = {}
    for key, value in metadata.items():
        name = key.lower()
        if not KEY.fullmatch(name) or name.startswith("grpc-") or name in RESERVED:
            wrong[f"{field}.{key}"] = "This is no key of metadata, or one that gRPC sets itself."
        elif name.endswith(BINARY):
            wrong[f"{field}.{key}"] = "Metadata in bytes (-bin) cannot be written here."
        elif not VALUE.fullmatch(value) or value != value.strip():
            wrong[f"{field}.{key}"] = "A value is printable ASCII, without spaces at its ends."
    return wrong
