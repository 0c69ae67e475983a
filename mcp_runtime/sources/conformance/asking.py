"""Tools that ask their client: for data, a sampled message, its roots; once, several at a time, in rounds."""

from typing import Any

from mcp_runtime.sources.contract import CallContext, ToolResult, text_result
from mcp_runtime.sources.conversation import Answer, Elicit, ElicitUrl, ListRoots, Sample

NAME_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CONTEXT_FORM = {"type": "object", "properties": {"context": {"type": "string"}}, "required": ["context"]}
CONFIRM_FORM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def _sample(prompt: str, tokens: int = 100) -> Sample:
    message = {"role": "user", "content": {"type": "text", "text": prompt}}
    return Sample({"messages": [message], "maxTokens": tokens})


def _sampled_text(answer: Answer) -> str:
    content = answer["content"]
    return str(content.get("text", "")) if isinstance(content, dict) else str(content)


def _described(answer: Answer) -> str:
    return f"action={answer['action']}, content={answer.get('content')}"


async def sampling(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Has the client's model answer a prompt."""
    answers = await context.conversation.ask({"answer": _sample(arguments["prompt"])})
    return text_result(f"LLM response: {_sampled_text(answers['answer'])}")


async def elicitation(context: CallContext, arguments: dict[str, Any]) -> ToolResult:
    """Asks the person for a name and an address."""
    text = {"type": "string"}
    form = {"type": "object", "properties": {"username": text, "email": text}, "required": ["username", "email"]}
    answers = await context.conversation.ask({"person": Elicit(arguments["message"], form)})
    return text_result(f"User response: {_described(answers['person'])}")


async def elicitation_url(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks the person to visit a page."""
    question = ElicitUrl("Please sign in on this page", "https://example.com/sign-in")
    answers = await context.conversation.ask({"page": question})
    return text_result(f"The person said: {answers['page']['action']}")


async def elicitation_defaults(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks with a default for every kind of field (SEP-1034)."""
    form = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": True},
        },
    }
    answers = await context.conversation.ask({"form": Elicit("Please review these values", form)})
    return text_result(f"Elicitation completed: {_described(answers['form'])}")


async def elicitation_enums(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks with every kind of choice (SEP-1330)."""
    options = ["option1", "option2", "option3"]
    titled = [
        {"const": "value1", "title": "First Option"},
        {"const": "value2", "title": "Second Option"},
        {"const": "value3", "title": "Third Option"},
    ]
    legacy = {"enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]}
    form = {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": options},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", **legacy},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        },
    }
    answers = await context.conversation.ask({"choices": Elicit("Please choose", form)})
    return text_result(f"Elicitation completed: {_described(answers['choices'])}")


async def required_elicitation(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks for a name, and greets."""
    answers = await context.conversation.ask({"user_name": Elicit("What is your name?", NAME_FORM)})
    return text_result(f"Hello, {answers['user_name'].get('content', {}).get('name', 'stranger')}!")


async def required_sampling(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks the client's model a question."""
    answers = await context.conversation.ask({"capital_question": _sample("What is the capital of France?")})
    return text_result(f"The model says: {_sampled_text(answers['capital_question'])}")


async def required_roots(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks for the client's roots."""
    answers = await context.conversation.ask({"client_roots": ListRoots()})
    return text_result(f"You have {len(answers['client_roots']['roots'])} roots.")


async def request_state(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks for confirmation, and knows from the state it sealed that it asked."""
    await context.conversation.ask({"confirm": Elicit("Please confirm", CONFIRM_FORM)})
    return text_result("state-ok")


async def multiple_inputs(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks three things of three kinds at once."""
    answers = await context.conversation.ask(
        {
            "user_name": Elicit("What is your name?", NAME_FORM),
            "greeting": _sample("Generate a greeting", 50),
            "client_roots": ListRoots(),
        }
    )
    return text_result(f"Answered: {', '.join(sorted(answers))}")


async def multi_round(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks twice, the second time for what depends on the first."""
    first = await context.conversation.ask({"step1": Elicit("Step 1: What is your name?", NAME_FORM)})
    color = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
    name = first["step1"].get("content", {}).get("name", "stranger")
    second = await context.conversation.ask({"step2": Elicit(f"Step 2: {name}, your favorite color?", color)})
    return text_result(f"{name} likes {second['step2'].get('content', {}).get('color', 'no color')}.")


async def capabilities(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Asks what its client can be asked, of three kinds."""
    answers = await context.conversation.ask(
        {
            "user_name": Elicit("What is your name?", NAME_FORM),
            "greeting": _sample("Generate a greeting", 50),
            "client_roots": ListRoots(),
        }
    )
    return text_result(f"Answered: {', '.join(sorted(answers))}")


async def missing_capability(context: CallContext, _arguments: dict[str, Any]) -> ToolResult:
    """Cannot do without sampling."""
    answers = await context.conversation.ask({"answer": _sample("Say anything", 10)})
    return text_result(_sampled_text(answers["answer"]))
