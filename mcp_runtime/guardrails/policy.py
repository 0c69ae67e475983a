"""What is done about what results hold, as a tool's author chose it."""

from typing import Literal

import msgspec

type Marking = Literal["off", "mark", "refuse"]
type Redacting = Literal["off", "redact", "refuse"]


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One tool's. `instructions` are words that speak to a model, `secrets` keys and passwords, `personal_data` mail
    addresses, telephone, card, account and social security numbers."""

    instructions: Marking = "off"
    secrets: Redacting = "off"
    personal_data: Redacting = "off"

    @property
    def is_off(self) -> bool:
        """Whether results go through as they are."""
        return self.instructions == self.secrets == self.personal_data == "off"


NO_GUARD = Guard()
