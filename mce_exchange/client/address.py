"""Where to connect, and through which proxy. Checked here: gRPC passes over what it cannot read."""

from urllib.parse import SplitResult, urlsplit

from mce_exchange.errors import UsageError


def read_address(text: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[v6]:port"; `UsageError`."""
    try:
        split = urlsplit(f"//{text}")
        if split.netloc == text and split.hostname and split.port and not split.username:
            return split.hostname, split.port
    except ValueError:
        pass
    raise UsageError(f"{text!r} is no address: it has the form host:port")


def read_proxy(text: str) -> str:
    """The same text, if it is a proxy that can be used; `UsageError` rather than going past it in silence."""
    split_proxy(text)
    return text


def split_proxy(text: str) -> SplitResult:
    """The parts of "http://host:port", with user and password before the host if there are any."""
    try:
        split = urlsplit(text)
        if split.scheme == "http" and split.hostname and split.port and split.path in ("", "/"):
            return split
    except ValueError:
        pass
    raise UsageError("a proxy has the form http://host:port")
