"""The editor of prompts: their arguments and their messages, a row each."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from console.forms import INVALID_STATUS, JsonField
from console.pages.content.forms import ContentForm, area, as_stored
from console.pages.content.rows import RowForm, Rows
from core.refusals import Refused
from mcp_runtime.models import Prompt
from mcp_runtime.sources.contract import PromptDraft

ROLES = {"user": "User", "assistant": "Assistant"}
MAXIMUM_ROWS = 100
_OF_A_ROW = re.compile(r"(?P<rows>arguments|config\.messages)\[(?P<number>[0-9]+)\]\.?(?P<rest>.*)")
_OF_PROPOSALS = re.compile(r"config\.completions\.(?P<name>.+)")


class ArgumentRow(RowForm):
    """One value that a client gives to a prompt."""

    name = forms.CharField(max_length=64, required=False)
    title = forms.CharField(max_length=80, required=False)
    description = forms.CharField(max_length=4000, required=False)
    required = forms.BooleanField(required=False)
    completions = forms.CharField(
        label="Proposals", required=False, widget=area(2), help_text="A value a line, proposed while somebody types."
    )

    @property
    def is_blank(self) -> bool:
        return not any(self.cleaned_data.values())

    def clean_completions(self) -> list[str]:
        return [line for line in self.cleaned_data["completions"].splitlines() if line.strip()]

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        if any(typed.values()) and not typed.get("name") and "name" not in self.errors:
            self.add_error("name", "Name the argument, or remove it.")
        return typed

    def argument(self) -> dict[str, Any]:
        """The PromptArgument, without what it does not say."""
        names = ("name", "title", "description", "required")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}


class MessageRow(RowForm):
    """One message: a text, or another block of content as JSON."""

    role = forms.ChoiceField(choices=ROLES, initial="user")
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4}))
    block = JsonField(
        label="Content as JSON",
        kind=dict,
        required=False,
        widget=area(4),
        help_text='Instead of a text: {"type": "image", "data": "…", "mimeType": "image/png"}, audio, resource_link,'
        " resource.",
    )

    @property
    def is_blank(self) -> bool:
        return not self.cleaned_data.get("text", "").strip() and self.cleaned_data.get("block") is None

    @property
    def is_other(self) -> bool:
        """Whether the content as JSON is what counts, and is shown at once."""
        return bool(self["block"].value() or self["block"].errors)

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        if typed.get("text", "").strip() and typed.get("block") is not None:
            raise ValidationError("A message is either a text or content as JSON.")
        return typed

    def message(self) -> dict[str, Any]:
        """The PromptMessage."""
        text = {"type": "text", "text": as_stored(self.cleaned_data["text"])}
        block = self.cleaned_data["block"]
        return {"role": self.cleaned_data["role"], "content": text if block is None else block}


class PromptForm(ContentForm):
    """Messages with a place for each argument."""

    lead = "Messages that people put into a conversation, with a place for each argument."
    name = forms.CharField(
        max_length=64, help_text="What clients call it by: letters, digits, underscores, dots and hyphens."
    )
    field_order = ("name", "title", "description")

    def __init__(self, data: Any = None, *, files: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, files, initial=initial)
        stored = initial or {}
        config = stored.get("config", {"messages": [{"role": "user", "content": {"type": "text", "text": ""}}]})
        proposals = config.get("completions", {})
        arguments = [_argument_values(argument, proposals) for argument in stored.get("arguments", [])]
        self.arguments = Rows(ArgumentRow, "argument", data=data, initial=arguments)
        self.messages = Rows(
            MessageRow, "message", data=data, initial=[_message_values(message) for message in config["messages"]]
        )

    def is_valid(self) -> bool:
        return all([super().is_valid(), *([self.arguments.is_valid(), self.messages.is_valid()] if self.data else [])])

    @property
    def status(self) -> int:
        wrong = self.is_bound and (self.errors or self.arguments.has_errors() or self.messages.has_errors())
        return INVALID_STATUS if wrong else 200

    def rearranged(self, act: str) -> "PromptForm | None":
        verb, _, rest = act.partition("-")
        what, _, number = rest.partition("-")
        if verb not in {"add", "remove"} or what not in {"argument", "message"}:
            return None
        shown = PromptForm(initial={name: self.data.get(name, "") for name in self.fields})
        for name in ("argument", "message"):
            rows = self.arguments if name == "argument" else self.messages
            added = verb == "add" and name == what and len(rows.forms) < MAXIMUM_ROWS
            removed = number if verb == "remove" and name == what else ""
            setattr(shown, f"{name}s", rows.rearranged(added=added, removed=removed))
        return shown

    def draft(self) -> PromptDraft:
        """The prompt as it was typed; only of a valid form."""
        typed = self.cleaned_data
        proposals = {row.cleaned_data["name"]: row.cleaned_data["completions"] for row in self.arguments.filled}
        completions = {name: values for name, values in proposals.items() if values}
        return PromptDraft(
            name=typed["name"],
            title=typed["title"],
            description=typed["description"],
            arguments=[row.argument() for row in self.arguments.filled],
            config={"messages": [row.message() for row in self.messages.filled]}
            | ({"completions": completions} if completions else {}),
            meta=typed["meta"],
            icons=typed["icons"],
        )

    def refuse(self, refused: Refused) -> None:
        """What is about a row is shown at the row."""
        fields: dict[str, list[str]] = refused.data.get("fields", {})
        rest = {name: sentences for name, sentences in fields.items() if not self._refuse_row(name, sentences)}
        if rest or not fields:
            super().refuse(Refused(refused.refusal, refused.detail, refused.data | ({"fields": rest} if rest else {})))

    def _refuse_row(self, name: str, sentences: list[str]) -> bool:
        found = _OF_A_ROW.fullmatch(name)
        if found:
            row = (self.arguments if found["rows"] == "arguments" else self.messages).filled[int(found["number"])]
            row.add_error(None, " ".join([*([f"{found['rest']}:"] if found["rest"] else []), *sentences]))
        proposals = _OF_PROPOSALS.fullmatch(name)
        for argument in self.arguments.filled if proposals else ():
            if proposals and argument.cleaned_data["name"] == proposals["name"]:
                argument.add_error("completions", " ".join(sentences))
                return True
        return found is not None


def _argument_values(argument: dict[str, Any], proposals: dict[str, list[str]]) -> dict[str, Any]:
    return argument | {"completions": "\n".join(proposals.get(argument["name"], []))}


def _message_values(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    is_plain = content.keys() == {"type", "text"} and content["type"] == "text"
    return (
        {"role": message["role"], "text": content["text"]} if is_plain else {"role": message["role"], "block": content}
    )


def arguments_schema(prompt: Prompt) -> dict[str, Any]:
    """The prompt's arguments as JSON Schema: what a form to try it is made from."""
    return {
        "type": "object",
        "properties": {
            argument["name"]: {"type": "string", "description": argument.get("description", "")}
            for argument in prompt.arguments
        },
        "required": [argument["name"] for argument in prompt.arguments if argument.get("required")],
        "additionalProperties": False,
    }
